import type { DecodeOptions } from "@slm/generation";

/** How a batch is decoded. */
export type BatchOptions = Pick<
  DecodeOptions,
  "strategy" | "random" | "rules" | "constraint" | "onToken" | "stopsAfter" | "signal"
> & {
  readonly maxTokens?: number | undefined;
  /** Time from the start of the batch after which no step begins [ms]. */
  readonly maxTimeMs?: number | undefined;
};
