import { logSumExp, topIds } from "./logits.js";

export interface SamplingOptions {
  /** Divides the logits; above 0. Below 1 sharpens, above 1 flattens. */
  readonly temperature: number;
  /** Draw only among this many most probable ids. */
  readonly topK?: number | undefined;
  /** Draw only among the fewest most probable ids whose probabilities add up to this, in (0, 1]. */
  readonly topP?: number | undefined;
  /** Draw only among ids whose probability is at least this fraction of the highest probability, from 0 to 1. */
  readonly minP?: number | undefined;
}

/** Number of ids tried first for `topP`. Doubled until their probabilities add up to it. */
const FIRST_NUCLEUS = 64;

/**
 * Draws a next token. The temperature is applied first, then `topK`, then `topP` to the remaining probabilities, renormalized,
 * then `minP`. The same `random` draws the same ids: candidates are ordered by probability, then id.
 *
 * Source: Holtzman et al. 2020 (arXiv:1904.09751), section 3.1, for top-p; Nguyen et al. 2024 (arXiv:2407.01082) for min-p;
 * the filters are applied in the order of Hugging Face's `generate`.
 * @throws SlmError DATA_INVALID if the logits are not finite.
 */
export function sampleToken(logits: Float32Array, options: SamplingOptions, random: () => number): number {
  const { temperature, topK = logits.length, topP = 1, minP = 0 } = options;
  const normalizer = logSumExp(logits, temperature);
  const probability = (id: number): number => Math.exp(logits[id]! / temperature - normalizer);
  if (topK >= logits.length && topP === 1 && minP === 0) return draw(logits.keys(), probability, random());
  const nuclear = topP === 1 ? topIds(logits, topK) : nucleus(logits, probability, topK, topP);
  const ids = minP === 0 ? nuclear : probable(nuclear, probability, minP);
  return draw(ids, probability, random() * sum(ids, probability));
}

/** The leading ids of `ids` (most probable first) that have at least `share` of the first one's probability. */
function probable(
  ids: readonly number[],
  probability: (id: number) => number,
  share: number,
): readonly number[] {
  const least = share * probability(ids[0]!);
  const first = ids.findIndex((id) => probability(id) < least);
  return first === -1 ? ids : ids.slice(0, first);
}

/** The fewest most probable ids that have `topP` of the total probability of the `topK` most probable ones. */
function nucleus(
  logits: Float32Array,
  probability: (id: number) => number,
  topK: number,
  topP: number,
): number[] {
  const limit = Math.min(topK, logits.length);
  const total = limit === logits.length ? 1 : sum(topIds(logits, limit), probability);
  for (let size = Math.min(FIRST_NUCLEUS, limit); ; size = Math.min(size * 2, limit)) {
    const ids = topIds(logits, size);
    let reached = 0;
    const last = ids.findIndex((id) => (reached += probability(id)) >= topP * total);
    if (last >= 0) return ids.slice(0, last + 1);
    // Rounding can leave the total just below `topP`.
    if (size === limit) return ids;
  }
}

/** The id at which the cumulative probability exceeds `target`. */
function draw(ids: Iterable<number>, probability: (id: number) => number, target: number): number {
  let left = target;
  let drawn = 0;
  for (const id of ids) {
    const share = probability(id);
    // An id with probability zero is never drawn, even if rounding leaves a remainder at the end.
    if (share === 0) continue;
    drawn = id;
    left -= share;
    if (left < 0) break;
  }
  return drawn;
}

function sum(ids: readonly number[], probability: (id: number) => number): number {
  return ids.reduce((total, id) => total + probability(id), 0);
}
