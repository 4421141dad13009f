/**
 * Puts the rows of a llama q or k matrix (or bias) back into Hugging Face's order, in place.
 *
 * Within a head of 2n rows ggml stores the rows that rotate together side by side: row 2i + s is row s · n + i of the
 * original. Source: llama.cpp, convert_hf_to_gguf.py (`LlamaModel.permute`).
 *
 * Shapes: values `[heads · headDim, columns]`.
 */
export function restoreRotaryOrder(values: Float32Array, heads: number, columns: number): void {
  const headElements = values.length / heads;
  const half = headElements / columns / 2;
  const stored = new Float32Array(headElements);
  for (let head = 0; head < heads; head += 1) {
    const start = head * headElements;
    stored.set(values.subarray(start, start + headElements));
    for (let i = 0; i < half; i += 1) {
      for (const side of [0, 1]) {
        const from = (2 * i + side) * columns;
        values.set(stored.subarray(from, from + columns), start + (side * half + i) * columns);
      }
    }
  }
}
