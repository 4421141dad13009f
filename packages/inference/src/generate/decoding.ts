/** The model and settings that a batch is decoded with. */
import type { DynamicParts } from "../dynamic/decode-dynamic.js";

/** A loaded model that decodes, and the source of its drafts. */
export interface Decoding extends DynamicParts {
  /** Maximum number of draft tokens per run for prompt lookup; absent: no drafts, and rows share runs. */
  readonly promptLookup?: number | undefined;
  /** Maximum number of draft tokens per run from the model's draft rules, if nothing is copied; 0: none. */
  readonly byRules: number;
}
