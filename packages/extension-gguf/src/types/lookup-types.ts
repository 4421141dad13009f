/**
 * Types whose 4-bit codes index a table of 16 non-uniform levels, which are denser around zero.
 *
 * | type   | bytes of a block                                        | element                          |
 * | ------ | ------------------------------------------------------- | -------------------------------- |
 * | IQ4_NL | d 2, codes 16                                           | d · LEVELS[code]                 |
 * | IQ4_XS | d 2, upper bits of scales 2, lower nibbles 4, codes 128 | d · (scale - 32) · LEVELS[code]  |
 *
 * Byte j of 16 contains element j in its low nibble and element j + 16 in its high nibble. Products are rounded to float32 separately, as in the
 * reference code. Source: ggml, ggml-quants.c (`dequantize_row_iq4_nl`, `_iq4_xs`).
 */
import { fromHalf } from "@slm/runtime";
import type { BlockType } from "./block-type.js";

const SUB_ELEMENTS = 32;
const HALF = SUB_ELEMENTS / 2;
const LEVELS = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113] as const;

/** Decodes 32 elements that share one scale. */
function decodeLevels(view: DataView, codes: number, scale: number, out: Float32Array, to: number): void {
  for (let j = 0; j < HALF; j += 1) {
    const byte = view.getUint8(codes + j);
    out[to + j] = scale * LEVELS[byte & 0xf]!;
    out[to + HALF + j] = scale * LEVELS[byte >> 4]!;
  }
}

export const IQ4_NL: BlockType = {
  name: "IQ4_NL",
  elements: SUB_ELEMENTS,
  bytes: 18,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      decodeLevels(view, start + 2, fromHalf(view.getUint16(start, true)), out, to + block * SUB_ELEMENTS);
    }
  },
};

export const IQ4_XS: BlockType = {
  name: "IQ4_XS",
  elements: 256,
  bytes: 136,
  decode(view, at, blocks, out, to) {
    for (let block = 0; block < blocks; block += 1) {
      const start = at + block * this.bytes;
      const superScale = fromHalf(view.getUint16(start, true));
      const upper = view.getUint16(start + 2, true);
      for (let j = 0; j < this.elements / SUB_ELEMENTS; j += 1) {
        const low = (view.getUint8(start + 4 + (j >> 1)) >> ((j & 1) << 2)) & 0xf;
        const scale = (low | (((upper >> (j << 1)) & 3) << 4)) - 32;
        const first = to + block * this.elements + j * SUB_ELEMENTS;
        decodeLevels(view, start + 8 + j * HALF, Math.fround(superScale * scale), out, first);
      }
    }
  },
};
