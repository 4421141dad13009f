/**
 * Symmetric 4-bit weights, one scale per block of inputs: the form `MatMulNBits` and `GatherBlockQuantized` share.
 *
 * Codes 0..15 with zero point 8: w = (code - 8) * scale. A block is `blockSize` consecutive inputs of one output.
 * Layout: `codes[output][block][byte]`, two codes a byte, the lower input in the low nibble; `scales[output][block]`.
 * The last block is padded with code 8, which is weight zero.
 */
import { SlmError } from "@slm/error";
import { checkMatrix, stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** Weights that may share one scale. onnxruntime's CPU kernels know these (and 256). */
export const BLOCK_SIZES = [16, 32, 64, 128] as const;

export type BlockSize = (typeof BLOCK_SIZES)[number];

const ZERO_POINT = 8;
const LOWEST = -8;
const HIGHEST = 7;
const TWO_ZEROS = ZERO_POINT | (ZERO_POINT << 4);

/**
 * Grid of the scale search: the largest weight is given the value 8 + STEP * i for -REACH <= i <= REACH.
 * i = 0 is onnxruntime's default (largest weight / -8), i = -REACH is largest weight / 7.
 * Source: llama.cpp's `make_qx_quants`, which tries the same kind of grid.
 */
const STEP = 0.2;
const REACH = 5;

/** Blocks whose largest weight is below this become zero: their scale would not be a normal float32. */
const SMALLEST = 2 ** -110;

export interface Int4Weights {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly inputs: number;
  readonly outputs: number;
  readonly blockSize: BlockSize;
  /** Blocks of one output: ceil(inputs / blockSize). */
  readonly blocks: number;
}

function nearest(value: number): number {
  const code = Math.floor(value + 0.5);
  return code < LOWEST ? LOWEST : code > HIGHEST ? HIGHEST : code;
}

/**
 * The scale of one block with the least squared error that the search finds.
 *
 * For codes q fixed, sum (w - s q)^2 is least at s = sum(w q) / sum(q^2), where it is sum(w^2) - sum(w q)^2 / sum(q^2).
 * So each candidate's codes are judged by sum(w q)^2 / sum(q^2). The scale may be negative: the block's largest weight
 * then uses code 0, the one that reaches furthest.
 */
function searchScale(block: Float64Array, count: number): number {
  let largest = 0;
  for (let at = 0; at < count; at += 1) {
    if (Math.abs(block[at]!) > Math.abs(largest)) largest = block[at]!;
  }
  if (Math.abs(largest) < SMALLEST) return 1;
  let bestGain = 0;
  let best = largest / LOWEST;
  for (let step = -REACH; step <= REACH; step += 1) {
    const inverse = (LOWEST - STEP * step) / largest;
    let product = 0;
    let square = 0;
    for (let at = 0; at < count; at += 1) {
      const code = nearest(block[at]! * inverse);
      product += block[at]! * code;
      square += code * code;
    }
    const gain = (product * product) / square;
    if (gain > bestGain) {
      bestGain = gain;
      best = product / square;
    }
  }
  return best;
}

/**
 * Quantizes a matrix to 4 bits with one searched scale per block.
 *
 * Error: a weight that is not clipped is off by at most |scale| / 2, one that is by its distance from the last code;
 * the squared error of a block is at most that of rounding with scale largest / 7 or largest / -8.
 * Deterministic: the same weights give the same bytes.
 *
 * @throws SlmError SHAPE_MISMATCH, DATA_INVALID as `checkMatrix` does; CONFIG_INVALID for another block size.
 */
export function quantizeInt4Blocks(matrix: WeightMatrix, blockSize: BlockSize): Int4Weights {
  checkMatrix(matrix);
  if (!BLOCK_SIZES.includes(blockSize)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: block size must be ${BLOCK_SIZES.join(", ")}, got ${String(blockSize)}`,
    );
  }
  const { values, inputs, outputs } = matrix;
  const strides = stridesOf(matrix.layout, inputs, outputs);
  const blocks = Math.ceil(inputs / blockSize);
  const codes = new Uint8Array((outputs * blocks * blockSize) / 2).fill(TWO_ZEROS);
  const scales = new Float32Array(outputs * blocks);
  const block = new Float64Array(blockSize);
  // Outputs inside blocks: in a matrix stored inputs first, neighbouring outputs lie side by side.
  for (let part = 0; part < blocks; part += 1) {
    const first = part * blockSize;
    const count = Math.min(blockSize, inputs - first);
    for (let output = 0; output < outputs; output += 1) {
      const start = first * strides.input + output * strides.output;
      for (let at = 0; at < count; at += 1) block[at] = values[start + at * strides.input]!;
      const place = output * blocks + part;
      scales[place] = searchScale(block, count);
      packBlock(block, count, scales[place], codes, (place * blockSize) / 2);
    }
  }
  return { codes, scales, inputs, outputs, blockSize, blocks };
}

/** Writes the nearest codes of one block. The padding of its last byte, if any, keeps the zero point. */
function packBlock(
  block: Float64Array,
  count: number,
  scale: number,
  codes: Uint8Array,
  offset: number,
): void {
  for (let at = 0; at < count; at += 2) {
    const low = nearest(block[at]! / scale) + ZERO_POINT;
    const high = at + 1 < count ? nearest(block[at + 1]! / scale) + ZERO_POINT : ZERO_POINT;
    codes[offset + (at >> 1)] = low | (high << 4);
  }
}

/** The weights that the codes stand for, outputs first, without the padding. */
export function dequantizeInt4(weights: Int4Weights): WeightMatrix {
  const { codes, scales, inputs, outputs, blockSize, blocks } = weights;
  const values = new Float32Array(inputs * outputs);
  for (let output = 0; output < outputs; output += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const at = output * blocks * blockSize + input;
      const code = (codes[at >> 1]! >> (at % 2 === 0 ? 0 : 4)) & 0xf;
      const scale = scales[output * blocks + Math.floor(input / blockSize)]!;
      values[output * inputs + input] = (code - ZERO_POINT) * scale;
    }
  }
  return { values, inputs, outputs, layout: "outputs-first" };
}
