/** Derives the times of a result from those of the decoder's steps. */
import type { Decoded, Strategy } from "@slm/decoding";
import type { Generation } from "./types.js";

export type DecodedIds = Omit<Generation, "text">;

export interface BatchTimes {
  readonly started: number;
  readonly stepTimes: readonly number[];
}

/** @param strategy beam search: a result is final when its batch is done; else at its own last step */
export function timed(
  { tokens, logProbability, finished, reason }: Decoded,
  strategy: Strategy,
  { started, stepTimes }: BatchTimes,
): DecodedIds {
  const steps = strategy.kind === "beam" ? stepTimes.length : tokens.length + (finished ? 1 : 0);
  const stepsMs = stepTimes.slice(0, steps).map((at) => at - started);
  const [firstTokenMs, totalMs] = [stepsMs[0]!, stepsMs[steps - 1]!];
  const tokensPerSecond = steps > 1 ? ((steps - 1) * 1000) / (totalMs - firstTokenMs) : 1000 / totalMs;
  return { tokens, logProbability, firstTokenMs, totalMs, stepsMs, tokensPerSecond, finished, reason };
}
