/** What a batch is decoded with, and how. */
import type { DecodeOptions } from "@slm/decoding";
import type { CachePool } from "./caches.js";
import type { LoadedModel } from "./loaded-model.js";

/** A loaded model that decodes, and what it keeps between batches. */
export interface Decoding {
  readonly loaded: LoadedModel;
  readonly caches: CachePool;
  /** Most draft tokens of a run, by prompt lookup; absent: none, and rows share runs. */
  readonly promptLookup?: number | undefined;
  /** Most draft tokens of a run, by the model's draft heads; 0: none. */
  readonly draftTokens: number;
}

export type BatchOptions = Pick<
  DecodeOptions,
  "strategy" | "random" | "rules" | "constraint" | "onToken" | "stopsAfter" | "signal"
> & {
  readonly maxTokens?: number | undefined;
  /** Time from the start of the batch after which no step begins [ms]. */
  readonly maxTimeMs?: number | undefined;
};
