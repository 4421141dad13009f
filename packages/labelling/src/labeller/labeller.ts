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

export interface LabelRequestOptions {
  readonly signal: AbortSignal;
}

export interface Labeller {
  /** Who labelled a row, as stored with it: a model's name, or a command's. */
  readonly name: string;
  /** Identifies the labeller's answers: finished work of another identity is not reused. */
  readonly identity: string;
  /**
   * The most probable answer to every source, in order; undefined for a source that is too long or refused.
   *
   * @throws SlmError INTERRUPTED when the signal fires, with paid answers kept; and what the labeller itself throws.
   */
  answer(
    sources: readonly string[],
    options: LabelRequestOptions,
  ): Promise<readonly (LabelAnswer | undefined)[]>;
  /** Why a source has no answer, where that is known without asking; absent for a labeller that has to be asked. */
  readonly refuses?: ((source: string) => Reason | undefined) | undefined;
  close(): Promise<void>;
}
