import type { SamplingOptions } from "../sampling/sampling.js";

/** A decoder as the search sees it: tokens in, next-token logits out, and cache rows that can be reordered. */
export interface StepDecoder {
  readonly rows: number;
  readonly vocabularySize: number;
  /** Feeds one token per row; returns next-token logits `[rows, vocab]`, valid until the next call. */
  step(tokens: Int32Array): Promise<Float32Array>;
  /**
   * Feeds one token per row, then feeds back the argmax of each row until all rows reached `eos` or `steps` is reached. A row that
   * reached `eos` is fed `pad`. Tokens are picked where the logits are, so logits are not copied and steps do not wait for the caller. Leaving the
   * iteration ends it. Absent if the decoder only returns logits.
   */
  greedySteps?(tokens: Int32Array, options: GreedyStepsOptions): AsyncIterable<TopTokens>;
  /**
   * Drops the tokens fed after the first `steps` steps. Present if {@link greedySteps} is. Call it only after that iteration has ended.
   */
  rewind?(steps: number): void;
  /**
   * Feeds one token per row; returns the argmax of each row, valid until the next call. Unlike {@link step}, it does not copy the logits, which take
   * many megabytes for many rows of a large vocabulary. Absent if the decoder only returns logits.
   */
  topStep?(tokens: Int32Array): Promise<TopTokens>;
  /**
   * Feeds one token per row; draws a token for each row where the logits are. Except for rounding, it draws what `sampleToken` draws with the same
   * numbers. Absent if the decoder only returns logits.
   */
  sampleStep?(tokens: Int32Array, draw: SampledStep): Promise<TopTokens>;
  /**
   * Feeds one token per row; returns the `count` highest logits of each row, or all logits if the vocabulary is smaller. Absent if the decoder only
   * returns logits.
   */
  candidateStep?(tokens: Int32Array, count: number): Promise<TopCandidates>;
  /** Row i becomes what row `rows[i]` was (caches reordered). */
  permuteRows(rows: readonly number[]): Promise<void>;
  /**
   * Tells the decoder which rows are still needed, at least one. It may continue with fewer rows, which makes a step faster.
   *
   * @returns the former row of each row it now has; a row may occur twice as padding. Undefined if nothing changed.
   */
  keepRows?(open: readonly number[]): Promise<readonly number[] | undefined>;
}

/** How a step draws. */
interface SampledStep {
  /** The same in every step of a decoder. */
  readonly sampling: SamplingOptions;
  /** A number in [0, 1) for each row. */
  readonly random: Float64Array;
}

/** The highest logits of each row, highest first; ties: the lowest id first. */
export interface TopCandidates {
  /** Candidates per row. */
  readonly perRow: number;
  /** Both `[rows, perRow]`. */
  readonly ids: Int32Array;
  readonly logits: Float32Array;
  /** log(sum(exp(logits))) of each row's whole vocabulary: log-probabilities are logits less this [nats]. */
  readonly normalizers: Float32Array;
}

export interface GreedyStepsOptions {
  /** Ends a row. */
  readonly eos: number;
  /** Fed to rows that have ended while others continue. */
  readonly pad: number;
  /** Maximum number of steps. */
  readonly steps: number;
  readonly signal?: AbortSignal | undefined;
}

/** The argmax token at each of several positions; ties: the lowest id. */
export interface TopTokens {
  readonly ids: Int32Array;
  /** [nats] */
  readonly logProbabilities: Float32Array;
}
