/** The decoder as decoding sees it: tokens in, next-token logits out, rows that can change places. */
export interface StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Feeds one token per row; returns next-token logits `[rows, vocab]`, valid until the next call. */
  step(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Feeds one token per row and picks the likeliest next ones where the logits are, so that these need not travel.
   * Absent where the decoder gives logits only.
   */
  stepBest?(tokens: Int32Array): Promise<BestTokens>;
  /** Row i becomes what row `rows[i]` was (caches reordered). */
  permuteRows(rows: readonly number[]): Promise<void>;
}

/** The likeliest token behind each of several places; of equals the lowest id. */
export interface BestTokens {
  readonly ids: Int32Array;
  /** [nats] */
  readonly logProbabilities: Float32Array;
}

/** A decoder of one row that can read several tokens in one run, and forget the last ones again. */
export interface SpanDecoder {
  readonly vocabularySize: number;
  /**
   * Feeds tokens behind the first `past` that were fed so far; those after are forgotten.
   *
   * @returns the likeliest token behind each of `tokens`
   */
  feed(past: number, tokens: readonly number[]): Promise<BestTokens>;
}
