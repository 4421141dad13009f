/** The interface of everything that answers sources with target texts: local models, API servers, and programs. */

/** One answer to a source. */
export interface LabelAnswer {
  readonly target: string;
  /** Mean log-probability of the target's tokens, end included [nats per token]; absent where the labeller gives none. */
  readonly score?: number | undefined;
  /** Whether the answer ended by itself, not at a limit. */
  readonly finished: boolean;
}

/** How answers are chosen. */
export interface LabelRequestOptions {
  /** Answers per source; 1 is the labeller's most probable answer (greedy or beam), more are samples. */
  readonly samples: number;
  /** Sampling temperature; used only for more than one sample. */
  readonly temperature: number;
  /** Seed of the samples, where the labeller takes one. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Labeller {
  /** Who labelled a row, as stored with it: a model's name, or a command's. */
  readonly name: string;
  /** Identifies the labeller's answers: finished work of another identity is not reused. */
  readonly identity: string;
  /**
   * Answers of every source, in order: `samples` each, or fewer where one cannot be given (a source too long or refused: none).
   *
   * @throws SlmError INTERRUPTED when the signal fires, with paid answers kept; and what the labeller itself throws.
   */
  answer(
    sources: readonly string[],
    options: LabelRequestOptions,
  ): Promise<readonly (readonly LabelAnswer[])[]>;
  close(): Promise<void>;
}
