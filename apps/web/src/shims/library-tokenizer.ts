/** Replaces the tokenizers of a published `tokenizer.json` in the worker for models with symbols. */
import { SlmError } from "@slm/core";

export function createLibraryTokenizer(): never {
  throw new SlmError("OP_UNSUPPORTED", "this page only has the tokenizer of symbols; deploy the model again");
}

export function vocabularySize(): never {
  return createLibraryTokenizer();
}
