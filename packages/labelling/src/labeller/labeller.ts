/** The interface of everything that answers sources with target texts: local models, API servers, and programs. */
import type { Reason } from "./label-counts.js";

/** One answer to a source. */
export interface LabelAnswer {
  readonly target: string;
  /** Mean log-probability of the target's tokens, end included [nats per token]; absent where the labeller gives none. */
  readonly score?: number | undefined;
  /** Whether the answer ended by itself, not at a limit. */
  readonly finished: boolean;
  /** How the labeller's tokenizer encodes the target again: to the same tokens, to others, or not at all; absent where that is not known. */
  readonly encoding?: "same" | "other" | "none" | undefined;
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
  /** Whether it can give several samples of a source's answers; absent: it can. */
  readonly drawsSamples?: boolean | undefined;
  /** Why a source has no answer, where that is known without asking; absent for a labeller that has to be asked. */
  readonly refuses?: ((source: string) => Reason | undefined) | undefined;
  /**
   * Continuations of texts that stand alone, without the task's prompt: one each, sampled, up to the text `end`; empty where there is none.
   * Absent for a labeller that can only answer sources.
   *
   * @throws SlmError as {@link answer}
   */
  readonly complete?:
    ((prompts: readonly string[], options: CompletionOptions) => Promise<readonly string[]>) | undefined;
  close(): Promise<void>;
}

export interface CompletionOptions extends Pick<LabelRequestOptions, "temperature" | "seed" | "signal"> {
  /** Text that ends a continuation, and is not part of it. */
  readonly end: string;
}
