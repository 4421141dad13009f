/**
 * Half-quadratic quantization of one block: the zero point that minimizes the sum of |w - dequantized|^p, p = 0.7,
 * which cares less about outliers than least squares does.
 *
 * With e the error that may stay, alternate: e = shrink(w - w^, beta), z = mean(q - (w - e) / s), beta *= 1.01.
 * Source: Badri and Shaji 2023, "Half-Quadratic Quantization of Large Machine Learning Models"; constants as in
 * onnxruntime's `HQQWeightOnlyQuantizer`. There the zero point stays a fraction; here it is a code, as the integer kernels
 * want, and the plain grid is kept where rounding the zero point undoes the gain.
 */
import { SMALLEST, extremes, nearestCode, type Grid } from "./grid.js";
import { roundGrid } from "./round-grid.js";

const POWER = 0.7;
const FIRST_BETA = 10;
const BETA_GROWTH = 1.01;
const STEPS = 20;

/** The proximal step of |x|^p: sign(x) * max(0, |x| - |x|^(p - 1) / beta). Zero up to |x| = beta^(1 / (p - 2)). */
function shrink(error: number, beta: number, largestZero: number): number {
  const size = Math.abs(error);
  if (size < largestZero) return 0;
  const left = size - (size + 1e-8) ** (POWER - 1) / beta;
  return left <= 0 ? 0 : error < 0 ? -left : left;
}

/** The sum of |w - dequantized|^p that the grid gives. */
export function powerError(block: Float64Array, count: number, { scale, zero }: Grid, last: number): number {
  let sum = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    sum += Math.abs(value - (nearestCode(value / scale, zero, last) - zero) * scale) ** POWER;
  }
  return sum;
}

/** The grid of the first `count` weights of `block`; its power error is at most that of the plain grid. */
export function hqqGrid(block: Float64Array, count: number, last: number): Grid {
  const { lowest, largest } = extremes(block, count);
  if (Math.abs(largest) < SMALLEST) return { scale: 1, zero: (last + 1) / 2 };
  const plain = roundGrid(block, count, last, false);
  const { scale } = plain;
  let zero = -lowest / scale;
  let beta = FIRST_BETA;
  for (let step = 0; step < STEPS; step += 1) {
    // A little less than where it becomes zero: the step adds 1e-8 inside.
    const largestZero = 0.99 * beta ** (1 / (POWER - 2));
    let sum = 0;
    for (let at = 0; at < count; at += 1) {
      const value = block[at]!;
      const free = Math.round(value / scale + zero);
      const code = free < 0 ? 0 : free > last ? last : free;
      const error = shrink(value - (code - zero) * scale, beta, largestZero);
      sum += code - (value - error) / scale;
    }
    const next = sum / count;
    if (next === zero && largestZero > Math.abs(largest)) break; // nothing will move any more
    zero = next;
    beta *= BETA_GROWTH;
  }
  const found: Grid = { scale, zero: Math.min(last, Math.max(0, Math.round(zero))) };
  return powerError(block, count, found, last) < powerError(block, count, plain, last) ? found : plain;
}
