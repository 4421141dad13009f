/** The top-k tokens of one position, as they are stored. */
import { SlmError } from "@slm/core";
import { highestIds } from "@slm/generation";
import { toHalf } from "@slm/runtime";

/** Where the distribution of one position is written. */
export interface StoredPosition {
  /** The `k` most probable ids, ascending; absent if the whole vocabulary is stored. */
  readonly ids?: Int32Array;
  /** float16 log-probabilities [nats] of these ids, and of each other token: `k + 1` numbers, or one per token of the vocabulary. */
  readonly logProbabilities: Uint16Array;
}

/** What the truncation of a position loses. */
export interface TailLoss {
  /** Probability of all tokens that are not stored. */
  readonly tail: number;
  /** KL(teacher || stored) before rounding: the tail's tokens get equal shares of its mass [nats]. */
  readonly kl: number;
}

/** The finite float16 of the smallest value. Unlike minus infinity, it can be multiplied by a probability of 0. */
const SMALLEST = -65504;
const WHOLE: TailLoss = { tail: 0, kl: 0 };

/**
 * Writes the distribution of a row of logits, truncated to its top-k tokens; on ties the lower id is kept.
 *
 * @throws SlmError DATA_INVALID if the logits are not finite.
 */
export function storeTopTokens(logits: Float32Array, { ids, logProbabilities }: StoredPosition): TailLoss {
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
  if (!Number.isFinite(sum) || !Number.isFinite(weighted))
    throw new SlmError("DATA_INVALID", "teacher: the logits are not finite");
  const normalizer = largest + Math.log(sum);
  const store = (at: number, value: number): void => {
    logProbabilities[at] = toHalf(Math.max(SMALLEST, value));
  };
  if (ids === undefined) {
    for (let id = 0; id < vocab; id++) store(id, logits[id]! - normalizer);
    return WHOLE;
  }
  ids.set(highestIds(logits, ids.length).sort());
  let kept = 0;
  let keptEntropy = 0;
  for (let at = 0; at < ids.length; at++) {
    const value = logits[ids[at]!]! - normalizer;
    const mass = Math.exp(value);
    kept += mass;
    keptEntropy += mass * value;
    store(at, value);
  }
  // Both are differences of sums, which rounding may make slightly negative.
  const tail = Math.max(0, 1 - kept);
  const share = Math.log(tail / (vocab - ids.length));
  store(ids.length, share);
  if (tail === 0) return WHOLE;
  const tailEntropy = Math.min(0, weighted / sum - Math.log(sum) - keptEntropy);
  return { tail, kl: Math.max(0, tailEntropy - tail * share) };
}

/**
 * Reads a stored position into a row of log-probabilities of the vocabulary, normalized to a sum of 1.
 *
 * @returns false if the values are not a distribution over the row
 */
export function readTopTokens(
  row: Float32Array,
  { ids, logProbabilities }: { readonly ids?: Int32Array; readonly logProbabilities: Float32Array },
): boolean {
  const others = row.length - (ids?.length ?? row.length);
  let sum = others === 0 ? 0 : others * Math.exp(logProbabilities.at(-1)!);
  const stored = row.length - others;
  for (let at = 0; at < stored; at++) sum += Math.exp(logProbabilities[at]!);
  const normalizer = Math.log(sum);
  if (!Number.isFinite(normalizer) || logProbabilities.some((value) => value < SMALLEST)) return false;
  if (others > 0) row.fill(logProbabilities.at(-1)! - normalizer);
  for (let at = 0; at < stored; at++) {
    const id = ids?.[at] ?? at;
    if (id < 0 || id >= row.length) return false;
    row[id] = logProbabilities[at]! - normalizer;
  }
  return true;
}
