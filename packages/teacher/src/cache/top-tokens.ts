/** The top-k tokens of one position, and the tail mass. */
import { SlmError } from "@slm/core";
import { highestIds } from "@slm/generation";

/** A next-token distribution, truncated to its `k` most probable tokens. */
export interface TopTokens {
  /** Ids of the kept tokens, ascending. */
  readonly ids: Int32Array;
  /** Their log-probabilities under the whole distribution [nats]. */
  readonly logProbabilities: Float64Array;
  /** Total probability of all other tokens. */
  readonly tail: number;
  /** Sum of p · log p over the other tokens [nats]. */
  readonly tailEntropy: number;
}

/**
 * Truncates the distribution of a row of logits to its top-k tokens; on ties the lower id is kept. The first pass computes the normalizer,
 * the second the ids, with a heap of `k` ids. The heap's root is the least probable kept id.
 *
 * @throws SlmError DATA_INVALID if the logits are not finite.
 */
export function topTokens(logits: Float32Array, k: number): TopTokens {
  const vocab = logits.length;
  let largest = -Infinity;
  for (let id = 0; id < vocab; id++) if (logits[id]! > largest) largest = logits[id]!;
  let sum = 0;
  let weighted = 0;
  for (let id = 0; id < vocab; id++) {
    const below = logits[id]! - largest;
    const mass = Math.exp(below);
    sum += mass;
    weighted += mass * below;
  }
  if (!Number.isFinite(sum) || !Number.isFinite(weighted)) {
    throw new SlmError("DATA_INVALID", "teacher: the logits are not finite");
  }
  const normalizer = largest + Math.log(sum);
  const ids = k < vocab ? highestIds(logits, k).sort() : Int32Array.from({ length: vocab }, (_, id) => id);
  const logProbabilities = Float64Array.from(ids, (id) => logits[id]! - normalizer);
  if (k >= vocab) return { ids, logProbabilities, tail: 0, tailEntropy: 0 };
  let kept = 0;
  let keptEntropy = 0;
  for (const value of logProbabilities) {
    kept += Math.exp(value);
    keptEntropy += Math.exp(value) * value;
  }
  // Both are differences of sums, which rounding may make slightly negative.
  const tail = Math.max(0, 1 - kept);
  const tailEntropy = tail === 0 ? 0 : Math.min(0, weighted / sum - Math.log(sum) - keptEntropy);
  return { ids, logProbabilities, tail, tailEntropy };
}
