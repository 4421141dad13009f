/** What a batch is decoded with, and how. */
import type { CachePool } from "./caches.js";
import type { LoadedModel } from "./loaded-model.js";
import type { Background } from "./background.js";

/** A loaded model that decodes, and what it keeps between batches. */
export interface Decoding {
  readonly loaded: LoadedModel;
  readonly caches: CachePool;
  /** What is tidied up behind an answer. */
  readonly background: Background;
  /** Most draft tokens of a run, by prompt lookup; absent: none, and rows share runs. */
  readonly promptLookup?: number | undefined;
  /** Most draft tokens of a run, by the model's draft rules, where nothing is copied; 0: none. */
  readonly byRules: number;
}
