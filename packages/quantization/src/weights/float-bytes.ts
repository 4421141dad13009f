import type { Initializer } from "@slm/onnx";

/** Views a float32 constant as numbers. It copies only if the bytes are not aligned to four. */
export function float32sOf({ data }: Pick<Initializer, "data">): Float32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
