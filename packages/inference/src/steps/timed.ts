/** Derives the times of a result from those of the decoder's runs. */
import type { Decoded, Strategy } from "@slm/generation";
import type { RunLog } from "./run-log.js";
import type { Generation } from "../options/types.js";

export type DecodedIds = Omit<Generation, "text" | "confidence" | "abstained">;

/** @param strategy beam search: a result is final when its batch is done; else at its own last run */
export function timed(
  { tokens, logProbability, finished, reason }: Decoded,
  strategy: Strategy,
  { started, log }: { readonly started: number; readonly log: RunLog },
): DecodedIds {
  const steps = strategy.kind === "beam" ? log.ends.length : tokens.length + (finished ? 1 : 0);
  const stepsMs = log.ends.slice(0, steps).map((at) => at - started);
  const [firstTokenMs, totalMs] = [stepsMs[0]!, stepsMs.at(-1)!];
  const tokensPerSecond =
    steps > 1 ? ((steps - 1) * 1000) / (totalMs - firstTokenMs) : (steps * 1000) / totalMs;
  return { tokens, logProbability, firstTokenMs, totalMs, stepsMs, tokensPerSecond, finished, reason };
}
