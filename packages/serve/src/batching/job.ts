/** A request as the batch sees it. */
import type { HostTensor } from "@slm/runtime";

export interface JobRequest {
  /** Source ids. */
  readonly source: readonly number[];
  /** Tokens `[1, tokens, width]` of the image that the source is about, for a vision-language model. */
  readonly image?: HostTensor | undefined;
  /** Most tokens of the answer, the ending one included. */
  readonly maxTokens: number;
  /** Picks the next token from logits `[vocab]`. Absent: the most probable, which is picked where the logits are. */
  readonly choose?: ((logits: Float32Array) => number) | undefined;
  /** Told every token of the answer as soon as it is there. @returns false to stop */
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
  /** Steps of the decoder that gave a token, the ending one included. */
  readonly tokens: number;
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
  /** Ids still to be fed before the first token is chosen: the beginning token, behind the source where it is a prefix. */
  readonly prompt: readonly number[];
  /** Ids fed so far: the position of the next. */
  past: number;
  /** The id fed next, once the prompt is used up. */
  next: number;
  chosen: number;
  firstTokenAt: number | undefined;
}
