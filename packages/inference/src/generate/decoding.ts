/** What a batch is decoded with, and how. */
import type { DynamicParts } from "../dynamic/decode-dynamic.js";

/** A loaded model that decodes, and where its drafts come from. */
export interface Decoding extends DynamicParts {
  /** Most draft tokens of a run, by prompt lookup; absent: none, and rows share runs. */
  readonly promptLookup?: number | undefined;
  /** Most draft tokens of a run, by the model's draft rules, where nothing is copied; 0: none. */
  readonly byRules: number;
}
