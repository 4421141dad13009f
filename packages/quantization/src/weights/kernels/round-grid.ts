/**
 * The grid and the codes of a block as onnxruntime computes them.
 *
 * Symmetric: scale = m / -2^(bits - 1), where m is the weight furthest from zero; zero point 2^(bits - 1).
 * Asymmetric: the codes cover the block's range, zero included.
 * Source: onnxruntime, core/mlas/lib/q4_dq.cpp, `BlockwiseQuantizer` (float32 arithmetic, halves away from zero).
 */
import { SMALLEST, extremes, type Grid } from "./grid.js";

/** The grid that onnxruntime's weight quantizer chooses for the first `count` weights of `block`. */
export function roundGrid(block: Float64Array, count: number, last: number, symmetric: boolean): Grid {
  const { lowest, highest, largest } = extremes(block, count);
  const middle = (last + 1) / 2;
  if (Math.abs(largest) < SMALLEST) return { scale: 1, zero: symmetric ? middle : 0 };
  if (symmetric) return { scale: Math.fround(largest / -middle), zero: middle };
  const scale = Math.fround(Math.fround(highest - lowest) / last);
  return { scale, zero: Math.min(last, Math.floor(Math.fround(-lowest / scale) + 0.5)) };
}

/** The code that onnxruntime computes for a weight, from the float32 reciprocal of the scale. */
export function roundedCode(value: number, reciprocal: number, zero: number, last: number): number {
  const code = Math.floor(Math.fround(Math.fround(value * reciprocal) + zero) + 0.5);
  return code < 0 ? 0 : code > last ? last : code;
}
