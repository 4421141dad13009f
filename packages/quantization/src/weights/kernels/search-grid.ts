/**
 * Searches for the grid of one block of 4 or 2 bits: a scale s and a zero point z, so that w is close to (code - z) * s for some code
 * 0..last. q = code - z is an integer from -z to last - z.
 *
 * Candidates are pairs (s, z); the q of a candidate are the nearest to w / s. For fixed q, sum (w - s q)^2 is smallest at s = sum(w q) /
 * sum(q^2), where it is sum(w^2) - sum(w q)^2 / sum(q^2). So candidates are compared by their gain sum(w q)^2 / sum(q^2), and this s
 * becomes the scale.
 */
import { SMALLEST, extremes, squaredError, type Grid } from "./grid.js";

/** Zero point of symmetric grids and of blocks of zeros: 8 with 4 bits, 2 with 2 bits. */
const middleOf = (last: number): number => (last + 1) / 2;

/**
 * Symmetric candidates: z is the middle m, and the largest weight is at -m - SYMMETRIC_STEP * i for -SYMMETRIC_REACH <= i <=
 * SYMMETRIC_REACH. i = 0 is onnxruntime's default (largest weight / -m), i = -SYMMETRIC_REACH is largest weight / (m - 1), negated. The
 * scale can be negative: the largest weight then uses code 0, which has the largest magnitude. Source: llama.cpp's `make_qx_quants`, which
 * tries the same kind of grid.
 */
const SYMMETRIC_STEP = 0.2;
const SYMMETRIC_REACH = 5;

/**
 * Asymmetric candidates: the steps of the grid cover the block's range (zero included), times 1 - SHRINK_STEP * i for 0 <= i < shrinks:
 * the ends are clipped, and the step gets smaller. Few steps gain more from clipping. Each has the rounded zero point; the best candidate is also tried with the next lower
 * and higher one.
 */
const SHRINK_STEP = 0.04;
const shrinksOf = (last: number): number => (last === 3 ? 16 : 9);

function bestSymmetric(block: Float64Array, count: number, largest: number, last: number): Grid {
  const middle = middleOf(last);
  let bestGain = 0;
  let scale = largest / -middle;
  for (let step = -SYMMETRIC_REACH; step <= SYMMETRIC_REACH; step += 1) {
    const inverse = (-middle - SYMMETRIC_STEP * step) / largest;
    let product = 0;
    let square = 0;
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      // Truncation after the shift rounds halves up.
      const shifted = value * inverse + (middle + 0.5);
      const q = (shifted <= 0 ? 0 : shifted >= last ? last : shifted | 0) - middle;
      product += value * q;
      square += q * q;
    }
    const gain = (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      scale = product / square;
    }
  }
  return { scale, zero: middle };
}

/** Gain of one candidate. Its least-squares scale is stored in `fitted`. */
function gainOf(block: Float64Array, count: number, inverse: number, zero: number, last: number): number {
  const lowest = -zero;
  const highest = last - zero;
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

function bestAsymmetric(
  block: Float64Array,
  count: number,
  { lowest, highest }: Pick<ReturnType<typeof extremes>, "lowest" | "highest">,
  last: number,
): Grid {
  const step = (highest - lowest) / last;
  const rounded = Math.round(-lowest / step);
  let best = { gain: 0, scale: step, zero: rounded, inverse: 1 / step };
  const attempt = (inverse: number, zero: number): void => {
    const gain = gainOf(block, count, inverse, zero, last);
    if (gain > best.gain) best = { gain, scale: fitted, zero, inverse };
  };
  for (let shrink = 0; shrink < shrinksOf(last); shrink += 1)
    attempt(1 / (step * (1 - SHRINK_STEP * shrink)), rounded);
  const { inverse } = best;
  if (rounded > 0) attempt(inverse, rounded - 1);
  if (rounded < last) attempt(inverse, rounded + 1);
  return best;
}

const inFloat32 = ({ scale, zero }: Grid): Grid => ({ scale: Math.fround(scale), zero });

/**
 * Searches for the grid with the smallest squared error of the first `count` weights of `block`. The best symmetric and asymmetric
 * candidates are compared by the error of their stored codes, with a float32 scale, so the result is never worse than a symmetric search.
 */
export function searchGrid(block: Float64Array, count: number, last: 3 | 15, symmetricOnly: boolean): Grid {
  const { largest, ...range } = extremes(block, count);
  if (Math.abs(largest) < SMALLEST) return { scale: 1, zero: middleOf(last) };
  const symmetric = inFloat32(bestSymmetric(block, count, largest, last));
  if (symmetricOnly) return symmetric;
  const asymmetric = inFloat32(bestAsymmetric(block, count, range, last));
  const isSymmetric =
    squaredError(block, count, symmetric, last) <= squaredError(block, count, asymmetric, last);
  return isSymmetric ? symmetric : asymmetric;
}
