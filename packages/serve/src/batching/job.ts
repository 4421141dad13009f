/** A request to the batch. */
import type { HostDrafter, HostTensor } from "@slm/runtime";

export interface JobRequest {
  /** Source ids. */
  readonly source: readonly number[];
  /** Tokens `[1, tokens, width]` of the source's image, for a vision-language model. */
  readonly image?: HostTensor | undefined;
  /** What the decoder is fed first. Default: BOS. */
  readonly start?: number | undefined;
  /** Largest number of tokens of the answer, EOS included. */
  readonly maxTokens: number;
  /** Ids that end the answer as EOS does. Default: none. */
  readonly ends?: readonly number[] | undefined;
  /** Picks the next token from logits `[vocab]`. Absent: greedy, computed on the device. */
  readonly choose?: ((logits: Float32Array) => number) | undefined;
  /** Resolves when `choose` may be called; undefined if it may be now. Absent: it always may be. */
  readonly pending?: (() => Promise<void> | undefined) | undefined;
  /** Called with every token of the answer. @returns false to stop */
  readonly onToken: (token: number) => boolean;
  readonly signal: AbortSignal;
}

export interface JobResult {
  /** `stop`: the model or `onToken` ended it. `length`: `maxTokens` did. */
  readonly reason: "stop" | "length";
  /** Time in the queue [ms]. */
  readonly waitedMs: number;
  /** From the request to the first token [ms]. */
  readonly firstTokenMs: number;
  /** From the request to the end [ms]. */
  readonly totalMs: number;
  /** Decoder steps that produced a token, EOS included. */
  readonly tokens: number;
  /** Of these tokens under the model itself [nats]. */
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
  readonly startedAt: number;
  /** Prompt ids to feed before the first token is chosen: for a decoder-only model the source, then BOS. */
  readonly prompt: readonly number[];
  /** Ids fed so far: the position of the next. */
  past: number;
  /** The id to feed next, after the prompt. */
  next: number;
  /** Says by draft rules what may follow; made when the row is first drafted for. */
  host?: HostDrafter | undefined;
  /** The answer so far. */
  readonly answer: number[];
  chosen: number;
  logProbability: number;
  firstTokenAt: number | undefined;
}
