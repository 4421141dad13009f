/** Derives the times of a result from those of the decoder's steps. */
import type { Decoded, Strategy } from "@slm/decoding";
import type { Generation } from "./types.js";

export type DecodedIds = Omit<Generation, "text">;

export interface BatchTimes {
  readonly started: number;
  /** End of each run. */
  readonly stepTimes: readonly number[];
  /** Tokens that each run gave; absent: one. */
  readonly perRun?: readonly number[] | undefined;
}

/** @param strategy beam search: a result is final when its batch is done; else at its own last step */
export function timed(
  { tokens, logProbability, finished, reason }: Decoded,
  strategy: Strategy,
  { started, stepTimes, perRun }: BatchTimes,
): DecodedIds {
  const steps = strategy.kind === "beam" ? stepTimes.length : tokens.length + (finished ? 1 : 0);
  const runs = perRun === undefined ? steps : runsFor(steps, perRun);
  const stepsMs = stepTimes.slice(0, runs).map((at) => at - started);
  const [firstTokenMs, totalMs] = [stepsMs[0]!, stepsMs[runs - 1]!];
  const tokensPerSecond =
    runs > 1 ? ((steps - 1) * 1000) / (totalMs - firstTokenMs) : (steps * 1000) / totalMs;
  return { tokens, logProbability, firstTokenMs, totalMs, stepsMs, tokensPerSecond, finished, reason };
}

/** How many runs gave the first `tokens` tokens. */
function runsFor(tokens: number, perRun: readonly number[]): number {
  let left = tokens;
  const last = perRun.findIndex((count) => (left -= count) <= 0);
  return last === -1 ? perRun.length : last + 1;
}
