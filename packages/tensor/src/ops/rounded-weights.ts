/**
 * Rounds weights to the grids of quantization schemes, for quantization-aware training. Quantizing the result with the same scheme loses
 * nothing: every block is a set of small multiples of one scale, and the scale has so few digits that the multiples are exact in float32.
 *
 * Gradients are straight-through: that of the weight is that of the rounded weight (Bengio et al. 2013, arXiv:1308.3432).
 */
import { SlmError } from "@slm/core";
import { tf, type Tensor } from "../recording/tf.js";

/** How the weights of a matrix share a scale. */
export type WeightGrid =
  /** Codes of 2, 4 or 8 bits; `blockSize` consecutive inputs of one output share a scale. */
  | { readonly kind: "blocks"; readonly bits: 2 | 4 | 8; readonly blockSize: number }
  /** Codes from -64 to 64; all inputs of an output share a scale. */
  | { readonly kind: "outputs" };

/**
 * A matrix rounded to a grid, `[outputs, inputs]`. Without `scales` they are computed from the weights:
 *
 * - blocks of 2 and 4 bits: the scale with the smallest squared error among a few candidates. It can be negative, so that the code furthest
 *   from zero, which exists only on one side, is used by the largest weight;
 * - blocks of 8 bits: the largest magnitude / 127;
 * - outputs: the largest magnitude / 64.
 *
 * @param scales learned scales, `[blocks]`, of a grid with 2 bits. A scale's gradient is the sum over its block of the gradient times
 *   (code - weight / scale), or times the code where it was clipped; a clipped weight has none. Source: LSQ, Esser et al. 2020
 *   (arXiv:1902.08153), equations 1 to 3
 * @throws SlmError SHAPE_MISMATCH if the block size does not divide the inputs
 */
export function roundWeights(weights: Tensor, grid: WeightGrid, scales?: Tensor): Tensor {
  const blocks = blocksOf(weights, grid);
  const rounded =
    scales === undefined
      ? straightThrough(blocks, (x) => onGrid(x, scaleOf(x, grid), endsOf(grid)))
      : toLearned(blocks, tf.reshape(scales, [-1, 1]), endsOf(grid));
  return tf.reshape(rounded, weights.shape);
}

/** The scales that {@link roundWeights} computes, `[blocks]`. @throws SlmError as it does */
export const weightScales = (weights: Tensor, grid: WeightGrid): Tensor =>
  tf.reshape(scaleOf(blocksOf(weights, grid), grid), [-1]);

/** The weights that share a scale, `[blocks, size]`. */
function blocksOf(weights: Tensor, grid: WeightGrid): Tensor {
  const [outputs, inputs] = weights.shape as [number, number];
  const size = grid.kind === "blocks" ? grid.blockSize : inputs;
  if (inputs % size !== 0)
    throw new SlmError("SHAPE_MISMATCH", `roundWeights: blocks of ${size} do not divide ${inputs} inputs`);
  return tf.reshape(weights, [(outputs * inputs) / size, size]);
}

function straightThrough(x: Tensor, round: (x: Tensor) => Tensor): Tensor {
  return tf.customGrad((...args: (Tensor | tf.GradSaveFunc)[]) => ({
    value: round(args[0] as Tensor),
    gradFunc: (dy: Tensor) => [dy],
  }))(x);
}

/** Shapes: `[blocks, size]`, `[blocks, 1]` -> `[blocks, size]`. */
function toLearned(x: Tensor, scales: Tensor, ends: Ends): Tensor {
  const scale = straightThrough(scales, (given) => shortened(orOne(given)));
  const codes = straightThrough(clipped(tf.div(x, scale), ends), nearest);
  return tf.mul(codes, scale);
}

/** Smaller largest magnitudes count as zero, as in the quantizer. */
const SMALLEST = 2 ** -100;

/** Lowest and highest code. */
type Ends = readonly [number, number];

function endsOf(grid: WeightGrid): Ends {
  if (grid.kind === "outputs") return [-64, 64];
  if (grid.bits === 8) return [-127, 127];
  const middle = 2 ** (grid.bits - 1);
  return [-middle, middle - 1];
}

/** The computed scale of each block of `x`: `[blocks, size]` -> `[blocks, 1]`. */
function scaleOf(x: Tensor, grid: WeightGrid): Tensor {
  const largest = orOne(largestOf(x));
  if (grid.kind === "outputs") return tf.div(tf.abs(largest), 64);
  if (grid.bits === 8) return shortened(tf.div(tf.abs(largest), 127));
  return shortened(bestScale(x, largest, endsOf(grid), CANDIDATES[grid.bits]));
}

/** Codes of the largest weight, negated. Between the end of the codes and half of them: a smaller step clips the largest weights. */
const CANDIDATES: Readonly<Record<2 | 4, readonly number[]>> = {
  2: [1, 1.5, 2, 2.5, 3],
  4: [7, 8, 9],
};

/**
 * The scale with the smallest squared error: for the codes q of a candidate, sum(w q) / sum(q²) is the best scale, and the squared error falls
 * by sum(w q)² / sum(q²). Shapes: `[rows, size]`, `[rows, 1]` -> `[rows, 1]`.
 */
function bestScale(x: Tensor, largest: Tensor, ends: Ends, candidates: readonly number[]): Tensor {
  let scale = tf.div(largest, ends[0]);
  let gain = tf.zerosLike(largest);
  for (const candidate of candidates) {
    const codes = codesOf(x, tf.div(largest, -candidate), ends);
    const product = tf.sum(tf.mul(x, codes), 1, true);
    const square = tf.sum(tf.mul(codes, codes), 1, true);
    // 0 / 0 is not a number in rows of zeros, and no comparison with it holds.
    const own = tf.div(tf.mul(product, product), square);
    const isBetter = tf.greater(own, gain);
    scale = tf.where(isBetter, tf.div(product, square), scale);
    gain = tf.where(isBetter, own, gain);
  }
  return scale;
}

const clipped = (x: Tensor, [lowest, highest]: Ends): Tensor => tf.minimum(tf.maximum(x, lowest), highest);

const nearest = (x: Tensor): Tensor => tf.floor(tf.add(x, 0.5));

const codesOf = (x: Tensor, scale: Tensor, ends: Ends): Tensor => nearest(clipped(tf.div(x, scale), ends));

const onGrid = (x: Tensor, scale: Tensor, ends: Ends): Tensor => tf.mul(codesOf(x, scale, ends), scale);

/** The weight of each row that is furthest from zero. */
function largestOf(x: Tensor): Tensor {
  const highest = tf.max(x, 1, true);
  const lowest = tf.neg(tf.max(tf.neg(x), 1, true));
  return tf.where(tf.greater(highest, tf.neg(lowest)), highest, lowest);
}

const orOne = (largest: Tensor): Tensor =>
  tf.where(tf.less(tf.abs(largest), SMALLEST), tf.onesLike(largest), largest);

/** 2^12 + 1: splits the 24 digits of a float32 in two halves. */
const SPLIT = 4097;

/** The upper 12 digits, rounded. Source: Dekker 1971, doi:10.1007/BF01397083, section 5. */
function shortened(scale: Tensor): Tensor {
  const large = tf.mul(scale, SPLIT);
  return tf.sub(large, tf.sub(large, scale));
}
