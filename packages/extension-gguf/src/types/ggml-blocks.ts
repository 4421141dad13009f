/**
 * Lossless conversion of ggml's blocks of 32 weights to the layout of onnxruntime's `MatMulNBits`.
 *
 * | type | block                     | weight             | here                                             |
 * | ---- | ------------------------- | ------------------ | ------------------------------------------------ |
 * | Q4_0 | half d, 16 bytes of codes | d · (code - 8)     | 4 bits, no zero points: the default is 8      |
 * | Q4_1 | half d, half m, 16 bytes  | d · code + m       | 4 bits, if m is a whole number of steps          |
 * | Q8_0 | half d, 32 signed codes   | d · code           | 8 bits, codes moved by 128, which is the default |
 *
 * ggml stores elements j and j + 16 of a block in one byte, `MatMulNBits` elements 2j and 2j + 1.
 * Source: ggml, ggml-quants.c; onnxruntime, docs/ContribOperators.md.
 */
import { SlmError } from "@slm/core";
import { fromHalf } from "@slm/runtime";

const BLOCK = 32;

/** Weights in the layout of `MatMulNBits`: `codes[output][block][byte]`, `scales[output][block]`, zero points one row at a time. */
export interface PackedBlocks {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  /** Absent if every zero point is 2^(bits - 1). */
  readonly zeroPoints?: Uint8Array | undefined;
  readonly inputs: number;
  readonly outputs: number;
  readonly bits: 4 | 8;
  readonly blockSize: 32;
  /** Blocks of one output. */
  readonly blocks: number;
}

interface Layout {
  readonly bits: 4 | 8;
  readonly bytes: number;
  readonly codesAt: number;
  readonly minimumAt?: number;
}

/** One row per convertible type. */
const LAYOUTS = {
  Q4_0: { bits: 4, bytes: 18, codesAt: 2 },
  Q4_1: { bits: 4, bytes: 20, codesAt: 4, minimumAt: 2 },
  Q8_0: { bits: 8, bytes: 34, codesAt: 2 },
} as const satisfies Readonly<Record<string, Layout>>;

export type PackableType = keyof typeof LAYOUTS;

/** Whether blocks of a type can be converted without loss. */
export const isPackable = (type: string): type is PackableType => Object.hasOwn(LAYOUTS, type);

/**
 * The same weights in the operator's layout; undefined if that is impossible, because no zero point from 0 to 15 yields bitwise equal weights for a
 * Q4_1 block.
 *
 * Shapes: raw contains `[outputs, inputs]`, row by row.
 *
 * @throws SlmError SHAPE_MISMATCH if `raw` has a different number of blocks
 */
export function packGgmlBlocks(
  type: PackableType,
  raw: Uint8Array,
  { outputs, inputs }: { readonly outputs: number; readonly inputs: number },
): PackedBlocks | undefined {
  const layout: Layout = LAYOUTS[type];
  const { bits, bytes } = layout;
  const blocks = inputs / BLOCK;
  if (!Number.isInteger(blocks) || raw.length !== outputs * blocks * bytes) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `${type}[${outputs},${inputs}] needs rows of whole blocks of ${BLOCK} and ${outputs * blocks * bytes} bytes, got ${raw.length}`,
      { context: { type, outputs, inputs, bytes: raw.length } },
    );
  }
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const codes = new Uint8Array((outputs * inputs * bits) / 8);
  const scales = new Float32Array(outputs * blocks);
  const zeroBytes = Math.ceil(blocks / 2);
  const zeroPoints = layout.minimumAt === undefined ? undefined : new Uint8Array(outputs * zeroBytes);
  for (let index = 0; index < scales.length; index += 1) {
    const start = index * bytes;
    const scale = fromHalf(view.getUint16(start, true));
    scales[index] = scale;
    moveCodes(raw, start + layout.codesAt, bits, codes, index);
    if (zeroPoints === undefined) continue;
    const zero = zeroPointOf(scale, fromHalf(view.getUint16(start + layout.minimumAt!, true)));
    if (zero === undefined) return undefined;
    const block = index % blocks;
    zeroPoints[((index - block) / blocks) * zeroBytes + (block >> 1)]! |= zero << ((block & 1) << 2);
  }
  return {
    codes,
    scales,
    zeroPoints,
    inputs,
    outputs,
    bits,
    blockSize: BLOCK,
    blocks,
  };
}

function moveCodes(raw: Uint8Array, from: number, bits: 4 | 8, codes: Uint8Array, block: number): void {
  if (bits === 8) {
    for (let j = 0; j < BLOCK; j += 1) codes[block * BLOCK + j] = raw[from + j]! ^ 0x80;
    return;
  }
  const half = BLOCK / 2;
  const to = block * half;
  for (let j = 0; j < half; j += 2) {
    const [first, second] = [raw[from + j]!, raw[from + j + 1]!];
    codes[to + j / 2] = (first & 0xf) | ((second & 0xf) << 4);
    codes[to + (half + j) / 2] = (first >> 4) | (second & 0xf0);
  }
}

/** The zero point that yields the same float32 as d · code + m for every code; undefined if there is none. */
function zeroPointOf(scale: number, minimum: number): number | undefined {
  const zero = scale === 0 ? 0 : Math.round(-minimum / scale);
  if (!(zero >= 0 && zero <= 15)) return undefined;
  for (let code = 0; code < 16; code += 1) {
    const theirs = Math.fround(Math.fround(scale * code) + minimum);
    // -0 and 0 are the same weight.
    if (Math.fround(scale * (code - zero)) !== theirs) return undefined;
  }
  return zero;
}
