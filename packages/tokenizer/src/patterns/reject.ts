import { SlmError } from "@slm/core";

/** The error for a component, a setting or a pattern of tokenizer.json that is not supported. */
export function reject(problem: string): SlmError {
  return new SlmError("DATA_INVALID", `tokenizer: tokenizer.json: ${problem}`);
}
