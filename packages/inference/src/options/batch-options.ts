import type { DecodeOptions } from "@slm/generation";

/** How a batch is decoded. */
export type BatchOptions = Pick<
  DecodeOptions,
  "strategy" | "random" | "rules" | "constraint" | "onToken" | "stopsAfter" | "signal"
> & {
  readonly maxTokens?: number | undefined;
  /** No step begins after this time since the start of the batch [ms]. */
  readonly maxTimeMs?: number | undefined;
};
