/**
 * The 4-bit grid for NPUs: zero point in the middle and a positive scale, so q = code - 8 is an integer from -8 to 7. Candidates are
 * compared as in `search-grid.ts`: for fixed q, the best scale is sum(w q) / sum(q^2), and the squared error falls by sum(w q)^2 /
 * sum(q^2). With data, each term is weighted by its input.
 */
import { SMALLEST, type Grid } from "./grid.js";

const MIDDLE = 8;
const HIGHEST = 7;

/** Candidates: onnxruntime's scale, largest magnitude / 7.5, times 1 - STEP * i for 0 <= i < CANDIDATES. */
const STEP = 0.04;
const CANDIDATES = 16;

/**
 * Searches for the grid with the smallest squared error of the first `count` weights of `block`.
 *
 * @param importance of each weight's error; default: all the same
 */
export function positiveGrid(block: Float64Array, count: number, importance?: Float64Array): Grid {
  let peak = 0;
  for (let at = 0; at < count; at += 1) peak = Math.max(peak, Math.abs(block[at]!));
  if (peak < SMALLEST) return { scale: 1, zero: MIDDLE };
  let bestGain = 0;
  let scale = peak / (HIGHEST + 0.5);
  for (let candidate = 0; candidate < CANDIDATES; candidate += 1) {
    const inverse = (HIGHEST + 0.5) / (peak * (1 - STEP * candidate));
    let product = 0;
    let square = 0;
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      const free = Math.floor(value * inverse + 0.5);
      const q = free < -MIDDLE ? -MIDDLE : free > HIGHEST ? HIGHEST : free;
      const weighted = importance === undefined ? q : q * importance[at]!;
      product += value * weighted;
      square += q * weighted;
    }
    const gain = (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      scale = product / square;
    }
  }
  return { scale: Math.fround(scale), zero: MIDDLE };
}
