/** A request to the batch loop. */
import type { HostTensor } from "@slm/runtime";

export interface JobRequest {
  /** Source ids. */
  readonly source: readonly number[];
  /** Image tokens `[1, tokens, width]`, for a vision-language model. */
  readonly image?: HostTensor | undefined;
  /** First tokens of the decoder. Default: BOS. */
  readonly start?: number | undefined;
  /** Largest number of tokens of the answer, EOS included. */
  readonly maxTokens: number;
  /** Ids that end the answer as EOS does. Default: none. */
  readonly ends?: readonly number[] | undefined;
  /** Picks the next token from logits `[vocab]`. Absent: greedy, computed on the device. */
  readonly choose?: ((logits: Float32Array) => number) | undefined;
  /** Resolves when `choose` may be called; undefined if it may be called now. Absent: always. */
  readonly pending?: (() => Promise<void> | undefined) | undefined;
  /** Called with every token of the answer. @returns false to stop */
  readonly onToken: (token: number) => boolean;
  readonly signal: AbortSignal;
}

export interface JobResult {
  /** `stop`: the model or `onToken` ended the answer. `length`: it reached `maxTokens`. */
  readonly reason: "stop" | "length";
  /** Time in the queue [ms]. */
  readonly waitedMs: number;
  /** From the request to the first token [ms]. */
  readonly firstTokenMs: number;
  /** From the request to the end [ms]. */
  readonly totalMs: number;
  /** Decoder steps that produced a token, EOS included. */
  readonly tokens: number;
  /** Log-probability of these tokens under the model itself [nats]. */
  readonly logProbability: number;
}

/** A job in the queue or in a row. */
export interface Job extends JobRequest {
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
  readonly queuedAt: number;
}

/** A job in a row of the batch. */
export interface Row {
  readonly job: Job;
  /** When its source had been read. */
  startedAt: number;
  /** Prompt ids to feed before the first token is chosen: for a decoder-only model the source, then BOS. */
  readonly prompt: readonly number[];
  /** Number of ids fed so far, which is the position of the next id. */
  past: number;
  /** The id to feed next, after the prompt. */
  next: number;
  chosen: number;
  logProbability: number;
  firstTokenAt: number | undefined;
}

export interface ChosenToken {
  readonly token: number;
  /** Log-probability under the model itself [nats]. */
  readonly logProbability: number;
}
