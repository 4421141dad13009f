import type { Component } from "./pre-tokenizers.js";

/** What the two kinds of tokenizer differ in. */
export interface TokenizerParts {
  readonly normalizer: Component | null;
  readonly preTokenizer: Component | null;
  readonly decoder: Component;
  readonly merges: readonly (readonly [string, string])[];
  readonly model: Readonly<Record<string, unknown>>;
  /** Whether a text begins with the bos token where the file does not say. */
  readonly addsBos: boolean;
}
