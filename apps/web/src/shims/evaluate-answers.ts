/** Evaluation, which reads rows and writes predictions: a page does neither. */
import { SlmError } from "@slm/core";

export const evaluateAnswers = (): Promise<never> =>
  Promise.reject(new SlmError("OP_UNSUPPORTED", "evaluation does not run in a page"));
