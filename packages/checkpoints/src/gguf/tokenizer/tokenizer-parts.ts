import type { TokenizerJson } from "@slm/tokenizer";
import type { Component } from "./components.js";

/** What the kinds of tokenizer differ in. */
export interface TokenizerParts {
  readonly normalizer: Component | null;
  readonly preTokenizer: Component | null;
  readonly decoder: Component;
  /** `model` of `tokenizer.json`. */
  readonly model: TokenizerJson["model"];
  /** Whether a text begins with the bos token and ends with the eos token: always, or where the file does not say otherwise. */
  readonly addsBos: boolean | "always";
  readonly addsEos: boolean | "always";
  /** Whether text that the vocabulary lacks becomes the unknown token, as the model was trained to see it. */
  readonly keepsUnknown?: boolean;
  /** Whether spaces in front of signs are dropped from decoded text. */
  readonly cleansSpaces?: boolean;
}
