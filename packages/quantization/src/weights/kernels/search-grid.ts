/**
 * Searches for the grid of one 4-bit block: a scale s and a zero point z, so that w is close to (code - z) * s for some code 0..15. q =
 * code - z is an integer from -z to 15 - z.
 *
 * Candidates are pairs (s, z); the q of a candidate are the nearest to w / s. For fixed q, sum (w - s q)^2 is smallest at s = sum(w q) /
 * sum(q^2), where it is sum(w^2) - sum(w q)^2 / sum(q^2). So candidates are compared by their gain sum(w q)^2 / sum(q^2), and this s
 * becomes the scale.
 */
import { SMALLEST, extremes, squaredError, type Grid } from "./grid.js";

const LAST = 15;

/** Zero point of symmetric grids and of blocks of zeros. */
const MIDDLE = 8;

/**
 * Symmetric candidates: z = 8, and the largest weight is at -8 - SYMMETRIC_STEP * i for -SYMMETRIC_REACH <= i <= SYMMETRIC_REACH. i = 0 is
 * onnxruntime's default (largest weight / -8), i = -SYMMETRIC_REACH is largest weight / 7, negated. The scale can be negative: the largest
 * weight then uses code 0, which has the largest magnitude. Source: llama.cpp's `make_qx_quants`, which tries the same kind of grid.
 */
const SYMMETRIC_STEP = 0.2;
const SYMMETRIC_REACH = 5;

/**
 * Asymmetric candidates: the 15 steps of the grid cover the block's range (zero included), times 1 - SHRINK_STEP * i for 0 <= i < SHRINKS:
 * the ends are clipped, and the step gets smaller. Each has the rounded zero point; the best candidate is also tried with the next lower
 * and higher one.
 */
const SHRINK_STEP = 0.04;
const SHRINKS = 9;

function bestSymmetric(block: Float64Array, count: number, largest: number): Grid {
  let bestGain = 0;
  let scale = largest / -MIDDLE;
  for (let step = -SYMMETRIC_REACH; step <= SYMMETRIC_REACH; step += 1) {
    const inverse = (-MIDDLE - SYMMETRIC_STEP * step) / largest;
    let product = 0;
    let square = 0;
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      // Never below -8.5, so truncation after the shift rounds halves up.
      const shifted = value * inverse + (MIDDLE + 0.5);
      const q = (shifted <= 0 ? 0 : shifted >= LAST ? LAST : shifted | 0) - MIDDLE;
      product += value * q;
      square += q * q;
    }
    const gain = (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      scale = product / square;
    }
  }
  return { scale, zero: MIDDLE };
}

/** Gain of one candidate. Its least-squares scale is stored in `fitted`. */
function gainOf(block: Float64Array, count: number, inverse: number, zero: number): number {
  const lowest = -zero;
  const highest = LAST - zero;
  let product = 0;
  let square = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    const free = Math.floor(value * inverse + 0.5);
    const q = free < lowest ? lowest : free > highest ? highest : free;
    product += value * q;
    square += q * q;
  }
  fitted = product / square;
  return (product * product) / square;
}

let fitted = 1;

function bestAsymmetric(block: Float64Array, count: number, lowest: number, highest: number): Grid {
  const step = (highest - lowest) / LAST;
  const rounded = Math.round(-lowest / step);
  let best = { gain: 0, scale: step, zero: rounded, inverse: 1 / step };
  const attempt = (inverse: number, zero: number): void => {
    const gain = gainOf(block, count, inverse, zero);
    if (gain > best.gain) best = { gain, scale: fitted, zero, inverse };
  };
  for (let shrink = 0; shrink < SHRINKS; shrink += 1)
    attempt(1 / (step * (1 - SHRINK_STEP * shrink)), rounded);
  const { inverse } = best;
  if (rounded > 0) attempt(inverse, rounded - 1);
  if (rounded < LAST) attempt(inverse, rounded + 1);
  return best;
}

const inFloat32 = ({ scale, zero }: Grid): Grid => ({ scale: Math.fround(scale), zero });

/**
 * Searches for the 4-bit grid with the smallest squared error of the first `count` weights of `block`. The best symmetric and asymmetric
 * candidates are compared by the error of their stored codes, with a float32 scale, so the result is never worse than a symmetric search.
 */
export function searchGrid(block: Float64Array, count: number, symmetricOnly: boolean): Grid {
  const { lowest, highest, largest } = extremes(block, count);
  if (Math.abs(largest) < SMALLEST) return { scale: 1, zero: MIDDLE };
  const symmetric = inFloat32(bestSymmetric(block, count, largest));
  if (symmetricOnly) return symmetric;
  const asymmetric = inFloat32(bestAsymmetric(block, count, lowest, highest));
  const isSymmetric =
    squaredError(block, count, symmetric, LAST) <= squaredError(block, count, asymmetric, LAST);
  return isSymmetric ? symmetric : asymmetric;
}
