/** Reads one row of logits: its highest ids and its normalizer, without sorting the vocabulary. */
import { SlmError } from "@slm/core";

/** Id of the highest logit; ties: the lowest id. */
export function argmax(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id;
  return best;
}

/**
 * log(sum(exp(logits / temperature))): the log-probability of id i is `logits[i] / temperature` minus this.
 * The highest logit is subtracted first, so nothing overflows. Forbidden ids have the logit -Infinity.
 *
 * Units: nats.
 * @throws SlmError DATA_INVALID if the logits have no finite normalizer: NaN, +Infinity, or all forbidden.
 */
export function logSumExp(logits: Float32Array, temperature = 1): number {
  // Indexed loop: an iterator over the typed array would double the time.
  let highest = -Infinity;
  for (let id = 0; id < logits.length; id++) if (logits[id]! > highest) highest = logits[id]!;
  let sum = 0;
  for (let id = 0; id < logits.length; id++) sum += Math.exp((logits[id]! - highest) / temperature);
  const result = highest / temperature + Math.log(sum);
  if (!Number.isFinite(result)) throw notFinite();
  return result;
}

/** The error for logits that are not finite. */
export function notFinite(): SlmError {
  return new SlmError(
    "DATA_INVALID",
    "decoding: the model's logits are not finite, so no next token can be chosen",
    {
      suggestions: ["slm model check --reference DIR", "slm export CKPT --target cpu"],
    },
  );
}

/** Ids of the `count` highest logits, highest first; ties: the lowest id first. */
export function topIds(logits: Float32Array, count: number): number[] {
  return Array.from(highestIds(logits, count)).sort((x, y) => logits[y]! - logits[x]! || x - y);
}

/**
 * Ids of the `count` highest logits, in no order; ties: the lower ids.
 * One pass over the vocabulary with a heap of `count` ids: O(vocab * log count) at worst, O(vocab) if the highest logits come early.
 */
export function highestIds(logits: Float32Array, count: number): Int32Array {
  const size = Math.min(count, logits.length);
  // A strict order, so the result does not depend on the visiting order.
  const worse = (x: number, y: number): boolean =>
    logits[x]! < logits[y]! || (logits[x] === logits[y] && x > y);
  // The root is the worst id that is kept.
  const heap = Int32Array.from({ length: size }, (_, id) => id);
  const sink = (start: number): void => {
    const id = heap[start]!;
    let at = start;
    for (let child = 2 * at + 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && worse(heap[child + 1]!, heap[child]!)) child++;
      if (!worse(heap[child]!, id)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = id;
  };
  for (let at = (size >> 1) - 1; at >= 0; at--) sink(at);
  let least = size === 0 ? Infinity : logits[heap[0]!]!;
  for (let id = size; id < logits.length; id++) {
    // Of equal logits, the lower id stays.
    if (!(logits[id]! > least)) continue;
    heap[0] = id;
    sink(0);
    least = logits[heap[0]]!;
  }
  return heap;
}
