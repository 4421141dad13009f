import type { Initializer } from "@slm/onnx";

/** The numbers of a float32 constant; copied only where its bytes do not start at a multiple of four. */
export function float32sOf({ data }: Pick<Initializer, "data">): Float32Array {
  const aligned = data.byteOffset % 4 === 0 ? data : data.slice();
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
