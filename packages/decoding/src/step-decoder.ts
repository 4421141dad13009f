/** The decoder as decoding sees it: tokens in, next-token logits out, rows that can change places. */
export interface StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Feeds one token per row; returns next-token logits `[rows, vocab]`, valid until the next call. */
  step(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Feeds one token per row, then by itself those that were most probable, as long as a row is open and no longer than asked; a row that came
   * to `eos` is fed `pad`. Tokens are picked where the logits are, so that these need not travel, and steps need not wait for the reader.
   * A reader that leaves ends it. Absent where the decoder gives logits only.
   */
  greedySteps?(tokens: Int32Array, options: GreedyStepsOptions): AsyncIterable<TopTokens>;
  /** Row i becomes what row `rows[i]` was (caches reordered). */
  permuteRows(rows: readonly number[]): Promise<void>;
}

export interface GreedyStepsOptions {
  /** Ends a row. */
  readonly eos: number;
  /** Fed to rows that have ended while others go on. */
  readonly pad: number;
  /** Most steps. */
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
}

/** The most probable token behind each of several places; of equals the lowest id. */
export interface TopTokens {
  readonly ids: Int32Array;
  /** [nats] */
  readonly logProbabilities: Float32Array;
}

/** A decoder of one row that can read several tokens in one run, and forget the last ones again. */
export interface DraftVerifier {
  readonly vocabularySize: number;
  /**
   * Feeds tokens behind the first `past` that were fed so far; those after are forgotten.
   *
   * @returns the most probable token behind each of `tokens`
   */
  feed(past: number, tokens: readonly number[]): Promise<TopTokens>;
}
