/**
 * Types of 256 elements in sub-blocks. The scales of the sub-blocks are small integers, multiplied by a half-precision super-scale.
 *
 * | type | bytes of a block                                              | sub-blocks | element                              |
 * | ---- | ------------------------------------------------------------- | ---------- | ------------------------------------ |
 * | Q4_K | d 2, dmin 2, scales and minima 12, codes 128                  | 8 of 32    | d · scale · code - dmin · minimum    |
 * | Q5_K | d 2, dmin 2, scales and minima 12, fifth bits 32, codes 128   | 8 of 32    | d · scale · code - dmin · minimum    |
 * | Q6_K | low nibbles 128, upper bit pairs 64, signed scales 16, d 2    | 16 of 16   | d · scale · (code - 32)              |
 *
 * Products and differences are rounded to float32 separately, as in the reference code.
 * Source: ggml, ggml-quants.c (`get_scale_min_k4`, `dequantize_row_q4_K`, `_q5_K`, `_q6_K`).
 */
import { fromHalf } from "@slm/runtime";
import type { BlockType } from "./block-type.js";

const ELEMENTS = 256;
const SUB_BLOCKS = 8;
const SUB_ELEMENTS = 32;

/** Scale and minimum (6 bits each) of sub-block `j`: the first four are contiguous, the last four have separate upper bits. */
function subScale(view: DataView, scales: number, j: number): { scale: number; minimum: number } {
  if (j < 4) return { scale: view.getUint8(scales + j) & 63, minimum: view.getUint8(scales + j + 4) & 63 };
  const nibbles = view.getUint8(scales + j + 4);
  return {
    scale: (nibbles & 0xf) | ((view.getUint8(scales + j - 4) >> 6) << 4),
    minimum: (nibbles >> 4) | ((view.getUint8(scales + j) >> 6) << 4),
  };
}

/** Q4_K, and Q5_K with its fifth bits: bit `j` of byte `index` belongs to element `index` of sub-block `j`. */
function withMinima(name: string, fifthBitsAt: number | undefined, codesAt: number): BlockType {
  const bytes = codesAt + ELEMENTS / 2;
  return {
    name,
    elements: ELEMENTS,
    bytes,
    decode(view, at, blocks, out, to) {
      for (let block = 0; block < blocks; block += 1) {
        const start = at + block * bytes;
        const superScale = fromHalf(view.getUint16(start, true));
        const superMinimum = fromHalf(view.getUint16(start + 2, true));
        for (let j = 0; j < SUB_BLOCKS; j += 1) {
          const { scale, minimum } = subScale(view, start + 4, j);
          const step = Math.fround(superScale * scale);
          const offset = Math.fround(superMinimum * minimum);
          // Sub-blocks 2i and 2i + 1 are the low and the high nibbles of the same 32 bytes.
          const codes = start + codesAt + (j >> 1) * SUB_ELEMENTS;
          const first = to + block * ELEMENTS + j * SUB_ELEMENTS;
          for (let index = 0; index < SUB_ELEMENTS; index += 1) {
            const nibble = (view.getUint8(codes + index) >> ((j & 1) << 2)) & 0xf;
            const fifth =
              fifthBitsAt === undefined ? 0 : (view.getUint8(start + fifthBitsAt + index) >> j) & 1;
            out[first + index] = Math.fround(step * (nibble | (fifth << 4))) - offset;
          }
        }
      }
    },
  };
}

export const Q4_K = withMinima("Q4_K", undefined, 16);
export const Q5_K = withMinima("Q5_K", 16, 48);

export const Q6_K: BlockType = {
  name: "Q6_K",
  elements: ELEMENTS,
  bytes: 210,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      const superScale = fromHalf(view.getUint16(start + 208, true));
      for (let index = 0; index < ELEMENTS; index += 1) {
        // Each half of 128 elements has four runs of 32, with low bits in two rows of nibbles and upper bits in one row.
        const half = index >> 7;
        const run = (index >> 5) & 3;
        const lane = index & 31;
        const nibbles = view.getUint8(start + half * 64 + (run & 1) * 32 + lane) >> ((run >> 1) << 2);
        const upper = view.getUint8(start + 128 + half * 32 + lane) >> (run << 1);
        const scale = view.getInt8(start + 192 + (index >> 4));
        const code = (nibbles & 0xf) | ((upper & 3) << 4);
        out[to + block * ELEMENTS + index] = Math.fround(superScale * scale) * (code - 32);
      }
    }
  },
};
