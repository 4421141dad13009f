/**
 * Types of 256 elements of 2 and 3 bits in 16 sub-blocks of 16.
 *
 * | type | bytes of a block                                                  | element                             |
 * | ---- | ----------------------------------------------------------------- | ----------------------------------- |
 * | Q2_K | scales and minima in nibbles 16, codes 64, d 2, dmin 2            | d · scale · code - dmin · minimum   |
 * | Q3_K | third bits 32, codes 64, scales of 6 bits 12, d 2                 | d · (scale - 32) · (code - 4)       |
 *
 * A byte of codes has two bits of each of four elements that are 32 apart. Products and differences are rounded to float32 one
 * after the other, as the reference code does. Source: ggml, ggml-quants.c (`dequantize_row_q2_K`, `_q3_K`).
 */
import { fromHalf } from "@slm/runtime";
import type { BlockType } from "./block-type.js";

const ELEMENTS = 256;

/** Two bits of an element; `codes` is the start of the codes of its block. */
const twoBits = (view: DataView, codes: number, index: number): number =>
  (view.getUint8(codes + (index >> 7) * 32 + (index & 31)) >> (((index >> 5) & 3) << 1)) & 3;

export const Q2_K: BlockType = {
  name: "Q2_K",
  elements: ELEMENTS,
  bytes: 84,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      const superScale = fromHalf(view.getUint16(start + 80, true));
      const superMinimum = fromHalf(view.getUint16(start + 82, true));
      for (let index = 0; index < ELEMENTS; index += 1) {
        const nibbles = view.getUint8(start + (index >> 4));
        const step = Math.fround(superScale * (nibbles & 0xf));
        const offset = Math.fround(superMinimum * (nibbles >> 4));
        out[to + block * ELEMENTS + index] = Math.fround(step * twoBits(view, start + 16, index)) - offset;
      }
    }
  },
};

/** Scale of sub-block `j`: four bits in a row of nibbles, the upper two after them. */
function sixBits(view: DataView, scales: number, j: number): number {
  const low = (view.getUint8(scales + (j & 7)) >> ((j >> 3) << 2)) & 0xf;
  const high = (view.getUint8(scales + 8 + (j & 3)) >> ((j >> 2) << 1)) & 3;
  return low | (high << 4);
}

export const Q3_K: BlockType = {
  name: "Q3_K",
  elements: ELEMENTS,
  bytes: 110,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      const superScale = fromHalf(view.getUint16(start + 108, true));
      for (let index = 0; index < ELEMENTS; index += 1) {
        const step = Math.fround(superScale * (sixBits(view, start + 96, index >> 4) - 32));
        const third = (view.getUint8(start + (index & 31)) >> (index >> 5)) & 1;
        const code = twoBits(view, start + 32, index) | (third << 2);
        out[to + block * ELEMENTS + index] = step * (code - 4);
      }
    }
  },
};
