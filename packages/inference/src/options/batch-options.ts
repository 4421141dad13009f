import type { DecodeOptions, StepDecoder } from "@slm/generation";

/** How a batch is decoded. */
export type BatchOptions = Pick<
  DecodeOptions,
  "strategy" | "random" | "rules" | "constraint" | "onToken" | "stopsAfter" | "given" | "signal"
> & {
  readonly maxTokens?: number | undefined;
  /** No step begins after this time since the start of the batch [ms]. */
  readonly maxTimeMs?: number | undefined;
  /** Replaces the decoder of every batch. Default: it is used as it is. */
  readonly watch?: ((decoder: StepDecoder) => StepDecoder) | undefined;
};
