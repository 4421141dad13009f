/** The decoder as decoding sees it: tokens in, next-token logits out, rows that can change places. */
export interface StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Feeds one token per row; returns next-token logits `[rows, vocab]`, valid until the next call. */
  step(tokens: Int32Array): Promise<Float32Array>;
  /** Row i becomes what row `rows[i]` was (caches reordered). */
  permuteRows(rows: readonly number[]): Promise<void>;
}
