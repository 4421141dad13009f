/** The error for a SentencePiece model that cannot be used. */
import { SlmError } from "@slm/core";

export const invalidModel = (where: string, problem: string, cause?: unknown): SlmError =>
  new SlmError("DATA_INVALID", `tokenizer: ${where}: not a SentencePiece model: ${problem}`, {
    context: { where },
    cause,
  });
