/** Replaces the tokenizers of SentencePiece in the worker for models with symbols. */
import { SlmError } from "@slm/core";

export function createPieceTokenizer(): never {
  throw new SlmError("OP_UNSUPPORTED", "this page only has the tokenizer of symbols; deploy the model again");
}
