/**
 * 4-bit weights, one scale and one zero point per block of inputs: the form `MatMulNBits` and `GatherBlockQuantized`
 * share.
 *
 * Codes 0..15: w = (code - zero) * scale. A block is `blockSize` consecutive inputs of one output.
 * Layout: `codes[output][block][byte]`, two codes a byte, the lower input in the low nibble; `scales[output][block]`;
 * `zeroPoints[output][byte]`, two zero points a byte, the lower block in the low nibble.
 * The last block is padded with its zero point as code, which is weight zero.
 */
import { SlmError } from "@slm/error";
import { nearestCode, searchGrid, type Int4Grid } from "./int4-search.js";
import { checkMatrix, stridesOf, type WeightMatrix } from "./weight-matrix.js";

/** Weights that may share one scale. onnxruntime's CPU kernels know these (and 256). */
export const BLOCK_SIZES = [16, 32, 64, 128] as const;

export type BlockSize = (typeof BLOCK_SIZES)[number];

export interface Int4Weights {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** outputs * ceil(blocks / 2) bytes. */
  readonly zeroPoints: Uint8Array;
  readonly inputs: number;
  readonly outputs: number;
  readonly blockSize: BlockSize;
  /** Blocks of one output: ceil(inputs / blockSize). */
  readonly blocks: number;
}

/** The same nibble twice. */
const twice = (nibble: number): number => nibble | (nibble << 4);

/**
 * Quantizes a matrix to 4 bits with one searched scale and zero point per block.
 *
 * Error: a weight between the first and the last code, -zero * scale and (15 - zero) * scale, is off by at most
 * |scale| / 2, any other by its distance from the nearer of the two. The squared error of a block is at most that of
 * rounding with zero point 8 and scale largest / 7 or largest / -8, and at most that of rounding its range (zero
 * included) to 15 steps with the zero point rounded.
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
  const codes = new Uint8Array((outputs * blocks * blockSize) / 2);
  const scales = new Float32Array(outputs * blocks);
  const zeroBytes = Math.ceil(blocks / 2);
  const zeroPoints = new Uint8Array(outputs * zeroBytes);
  const block = new Float64Array(blockSize);
  // Outputs inside blocks: in a matrix stored inputs first, neighbouring outputs lie side by side.
  for (let part = 0; part < blocks; part += 1) {
    const first = part * blockSize;
    const count = Math.min(blockSize, inputs - first);
    for (let output = 0; output < outputs; output += 1) {
      const start = first * strides.input + output * strides.output;
      for (let at = 0; at < count; at += 1) block[at] = values[start + at * strides.input]!;
      const place = output * blocks + part;
      const grid = searchGrid(block, count);
      scales[place] = grid.scale;
      zeroPoints[output * zeroBytes + (part >> 1)]! |= grid.zero << (part % 2 === 0 ? 0 : 4);
      packBlock(block, count, grid, codes.subarray((place * blockSize) / 2, ((place + 1) * blockSize) / 2));
    }
  }
  return { codes, scales, zeroPoints, inputs, outputs, blockSize, blocks };
}

/** Writes the nearest codes of one block, and its zero point where the block has no weights. */
function packBlock(block: Float64Array, count: number, { scale, zero }: Int4Grid, bytes: Uint8Array): void {
  bytes.fill(twice(zero), count >> 1);
  for (let at = 0; at < count; at += 2) {
    const low = nearestCode(block[at]! / scale, zero);
    const high = at + 1 < count ? nearestCode(block[at + 1]! / scale, zero) : zero;
    bytes[at >> 1] = low | (high << 4);
  }
}

const nibbleOf = (bytes: Uint8Array, start: number, at: number): number =>
  (bytes[start + (at >> 1)]! >> (at % 2 === 0 ? 0 : 4)) & 0xf;

/** The weights that the codes stand for, outputs first, without the padding. */
export function dequantizeInt4(weights: Int4Weights): WeightMatrix {
  const { codes, scales, zeroPoints, inputs, outputs, blockSize, blocks } = weights;
  const zeroBytes = Math.ceil(blocks / 2);
  const values = new Float32Array(inputs * outputs);
  for (let output = 0; output < outputs; output += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const block = Math.floor(input / blockSize);
      const code = nibbleOf(codes, (output * blocks * blockSize) / 2, input);
      const zero = nibbleOf(zeroPoints, output * zeroBytes, block);
      values[output * inputs + input] = (code - zero) * scales[output * blocks + block]!;
    }
  }
  return { values, inputs, outputs, layout: "outputs-first" };
}
