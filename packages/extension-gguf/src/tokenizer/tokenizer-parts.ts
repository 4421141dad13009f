import type { TokenizerJson } from "@slm/tokenizer";
import type { Component } from "./components.js";

/** The parts in which the kinds of tokenizer differ. */
export interface TokenizerParts {
  readonly normalizer: Component | null;
  readonly preTokenizer: Component | null;
  readonly decoder: Component;
  /** `model` of `tokenizer.json`. */
  readonly model: TokenizerJson["model"];
  /** Whether a text starts with BOS and ends with EOS: always, or as the default for files that do not specify it. */
  readonly addsBos: boolean | "always";
  readonly addsEos: boolean | "always";
  /** Whether text outside the vocabulary becomes the unknown token, as in the model's training. */
  readonly keepsUnknown?: boolean;
  /** Whether spaces before punctuation are removed from decoded text. */
  readonly cleansSpaces?: boolean;
}
