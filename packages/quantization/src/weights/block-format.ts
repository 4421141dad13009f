/**
 * Block formats: 2-, 4- or 8-bit weights with one scale and zero point per block of inputs, as in `MatMulNBits` and `GatherBlockQuantized`.
 *
 * w = (code - zero) * scale, codes 0..2^bits - 1. A block is `blockSize` consecutive inputs of one output. Layout:
 * `codes[output][block][byte]`, several codes of 2 or 4 bits per byte, the first input in the lowest bits; `scales[output][block]`;
 * `zeroPoints[output][byte]`, packed in the same way, each output starting at a new byte. Symmetric weights have no zero points; the
 * operators use 2^(bits - 1). The last block is padded with the code of weight zero. Source: onnxruntime, docs/ContribOperators.md.
 */
import { SlmError } from "@slm/core";
import { BLOCK_SIZES, type BlockSize } from "@slm/devices";
import type { WeightMatrix } from "./weight-matrix.js";

/** Largest number of inputs in matrices of small models. */
const NARROW = 128;

/**
 * Default block size. Small models lose more quality, so 4-bit codes chosen without data get more scales there, which take only kilobytes.
 */
export const defaultBlockSize = (bits: BlockBits, inputs: number, learns: boolean): BlockSize =>
  bits === 4 && inputs <= NARROW && !learns ? 16 : 32;

const BLOCK_BITS = [2, 4, 8] as const;
export type BlockBits = (typeof BLOCK_BITS)[number];

export interface BlockWeights {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** Absent if every zero point is 2^(bits - 1). */
  readonly zeroPoints?: Uint8Array | undefined;
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: BlockBits;
  readonly blockSize: BlockSize;
  /** Blocks of one output: ceil(inputs / blockSize). */
  readonly blocks: number;
}

/** Bytes of a row of the three arrays. */
export interface BlockSizes {
  readonly blocks: number;
  readonly codeBytes: number;
  readonly zeroBytes: number;
}

/** Computes the bytes of one output. @throws SlmError CONFIG_INVALID for another block size or number of bits */
export function blockSizes(inputs: number, bits: BlockBits, blockSize: BlockSize): BlockSizes {
  if (!BLOCK_SIZES.includes(blockSize)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: block size must be ${BLOCK_SIZES.join(", ")}, got ${String(blockSize)}`,
    );
  }
  if (!BLOCK_BITS.includes(bits)) {
    throw new SlmError(
      "CONFIG_INVALID",
      `quantize: block formats need ${BLOCK_BITS.join(", ")} bits, got ${String(bits)}`,
    );
  }
  const blocks = Math.ceil(inputs / blockSize);
  return { blocks, codeBytes: (blocks * blockSize * bits) / 8, zeroBytes: Math.ceil((blocks * bits) / 8) };
}

/** Code `at` of a packed row that starts at byte `start`. */
function codeOf(bytes: Uint8Array, start: number, at: number, bits: BlockBits): number {
  const place = at * bits;
  return (bytes[start + (place >> 3)]! >> (place & 7)) & (2 ** bits - 1);
}

/** Dequantized weights, outputs first, without padding. */
export function dequantizeBlocks(weights: BlockWeights): WeightMatrix {
  const { codes, scales, zeroPoints, inputs, outputs, bits, blockSize, blocks } = weights;
  const { codeBytes, zeroBytes } = blockSizes(inputs, bits, blockSize);
  const values = new Float32Array(inputs * outputs);
  for (let output = 0; output < outputs; output += 1) {
    for (let block = 0; block < blocks; block += 1) {
      const zero =
        zeroPoints === undefined ? 2 ** (bits - 1) : codeOf(zeroPoints, output * zeroBytes, block, bits);
      const scale = scales[output * blocks + block]!;
      const end = Math.min(inputs, (block + 1) * blockSize);
      for (let input = block * blockSize; input < end; input += 1) {
        values[output * inputs + input] = (codeOf(codes, output * codeBytes, input, bits) - zero) * scale;
      }
    }
  }
  return { values, inputs, outputs, layout: "outputs-first" };
}
