/** The encoding of one element type of ggml. */
export interface BlockType {
  readonly name: string;
  /** Elements that share scales; a row of a tensor is a whole number of blocks. */
  readonly elements: number;
  /** Bytes of a block. */
  readonly bytes: number;
  /** Writes the numbers of `blocks` blocks, which start at byte `at` of `view`, to `out` starting at `to`. */
  decode(view: DataView, at: number, blocks: number, out: Float32Array, to: number): void;
}
