/** Replaces evaluation, which a page does not support because it reads and writes files. */
import { SlmError } from "@slm/core";

export const evaluateAnswers = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "evaluation is not supported in a browser"));
