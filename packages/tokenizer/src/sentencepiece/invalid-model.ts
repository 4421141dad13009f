/** The error for a model of SentencePiece that cannot be used. */
import { SlmError } from "@slm/core";

export const invalidModel = (where: string, problem: string, cause?: unknown): SlmError =>
  new SlmError("DATA_INVALID", `tokenizer: ${where}: not a model of SentencePiece: ${problem}`, {
    context: { where },
    cause,
  });
