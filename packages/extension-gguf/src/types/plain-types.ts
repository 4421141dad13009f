/** GGUF tensor types that store each element on its own, without quantization blocks. */
import { fromHalf } from "@slm/runtime";
import type { BlockType } from "./block-type.js";

/** A type that stores each number separately. */
const plain = (name: string, bytes: number, read: (view: DataView, at: number) => number): BlockType => ({
  name,
  elements: 1,
  bytes,
  decode(view, at, blocks, out, to) {
    for (let index = 0; index < blocks; index += 1) out[to + index] = read(view, at + index * bytes);
  },
});

const bits = new DataView(new ArrayBuffer(4));

export const F32 = plain("F32", 4, (view, at) => view.getFloat32(at, true));
export const F16 = plain("F16", 2, (view, at) => fromHalf(view.getUint16(at, true)));
/** The upper half of a float32. */
export const BF16 = plain("BF16", 2, (view, at) => {
  bits.setUint16(0, view.getUint16(at, true));
  return bits.getFloat32(0);
});
