/**
 * Types of 32 elements that share one half-precision scale `d`, and some a half-precision minimum `m`.
 *
 * | type | bytes of a block                       | element                |
 * | ---- | -------------------------------------- | ---------------------- |
 * | Q4_0 | d 2, codes 16                          | d · (code - 8)         |
 * | Q4_1 | d 2, m 2, codes 16                     | d · code + m           |
 * | Q5_0 | d 2, fifth bits 4, codes 16            | d · (code - 16)        |
 * | Q5_1 | d 2, m 2, fifth bits 4, codes 16       | d · code + m           |
 * | Q8_0 | d 2, signed codes 32                   | d · code               |
 *
 * Byte j of the 4-bit codes contains element j in its low nibble and element j + 16 in its high nibble. Bit j of the fifth bits belongs to element j.
 * Products and sums are rounded to float32 separately, as in the reference code. Source: ggml, ggml-quants.c (`dequantize_row_*`).
 */
import { fromHalf } from "@slm/runtime";
import type { BlockType } from "./block-type.js";

const ELEMENTS = 32;
const HALF = ELEMENTS / 2;

interface NibbleLayout {
  readonly name: string;
  /** Offset of the minimum in a block; absent if codes are centered instead. */
  readonly minimumAt?: number;
  /** Offset of the fifth bits; absent for 4-bit codes. */
  readonly fifthBitsAt?: number;
  readonly codesAt: number;
}

/** A type with a nibble per element. */
function nibbles({ name, minimumAt, fifthBitsAt, codesAt }: NibbleLayout): BlockType {
  const bytes = codesAt + HALF;
  const bits = fifthBitsAt === undefined ? 4 : 5;
  const center = minimumAt === undefined ? 2 ** (bits - 1) : 0;
  return {
    name,
    elements: ELEMENTS,
    bytes,
    decode(view, at, blocks, out, to) {
      for (let block = 0; block < blocks; block += 1) {
        const start = at + block * bytes;
        const first = to + block * ELEMENTS;
        const scale = fromHalf(view.getUint16(start, true));
        // Adding -0 does not change any number, not even -0.
        const minimum = minimumAt === undefined ? -0 : fromHalf(view.getUint16(start + minimumAt, true));
        const fifth = fifthBitsAt === undefined ? 0 : view.getUint32(start + fifthBitsAt, true);
        for (let j = 0; j < HALF; j += 1) {
          const byte = view.getUint8(start + codesAt + j);
          const low = (byte & 0xf) | (((fifth >>> j) & 1) << 4);
          const high = (byte >> 4) | (((fifth >>> (j + HALF)) & 1) << 4);
          out[first + j] = Math.fround(scale * (low - center)) + minimum;
          out[first + HALF + j] = Math.fround(scale * (high - center)) + minimum;
        }
      }
    },
  };
}

export const Q4_0 = nibbles({ name: "Q4_0", codesAt: 2 });
export const Q4_1 = nibbles({ name: "Q4_1", minimumAt: 2, codesAt: 4 });
export const Q5_0 = nibbles({ name: "Q5_0", fifthBitsAt: 2, codesAt: 6 });
export const Q5_1 = nibbles({ name: "Q5_1", minimumAt: 2, fifthBitsAt: 4, codesAt: 8 });

export const Q8_0: BlockType = {
  name: "Q8_0",
  elements: ELEMENTS,
  bytes: 2 + ELEMENTS,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      const scale = fromHalf(view.getUint16(start, true));
      for (let j = 0; j < ELEMENTS; j += 1) {
        out[to + block * ELEMENTS + j] = scale * view.getInt8(start + 2 + j);
      }
    }
  },
};
