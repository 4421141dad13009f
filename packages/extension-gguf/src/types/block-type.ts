/** The encoding of one element type of ggml. */
export interface BlockType {
  readonly name: string;
  /** Number of elements that share scales. A row of a tensor consists of whole blocks. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Decodes `blocks` blocks, starting at byte `at` of `view`, and writes the numbers to `out` from `to` on. */
  decode(view: DataView, at: number, blocks: number, out: Float32Array, to: number): void;
}
