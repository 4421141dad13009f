/** The interface of labellers, which return target texts for sources: local models, API servers and programs. */
import type { Reason } from "./label-counts.js";

/** One answer to a source. */
export interface LabelAnswer {
  readonly target: string;
  /** Mean log-probability of the target's tokens, including the end token [nats per token]; absent if the labeller has none. */
  readonly score?: number | undefined;
  /** Whether the answer ended by itself and not at a limit. */
  readonly finished: boolean;
  /** How the labeller's tokenizer encodes the target again: to the same tokens, to different tokens, or not at all. Absent if unknown. */
  readonly encoding?: "same" | "other" | "none" | undefined;
}

export interface LabelRequestOptions {
  readonly signal: AbortSignal;
}

export interface Labeller {
  /** Name of the model or command, stored with each row that it labelled. */
  readonly name: string;
  /** Identifies the labeller's answers. Finished work of another identity is not reused. */
  readonly identity: string;
  /**
   * The most probable answer to every source, in order; undefined for a source that is too long or was refused.
   *
   * @throws SlmError INTERRUPTED if the signal aborts, with paid answers kept, and the labeller's own errors.
   */
  answer(
    sources: readonly string[],
    options: LabelRequestOptions,
  ): Promise<readonly (LabelAnswer | undefined)[]>;
  /** Why a source cannot have an answer, if this is known in advance. Absent if only a request can tell. */
  readonly refuses?: ((source: string) => Reason | undefined) | undefined;
  close(): Promise<void>;
}
