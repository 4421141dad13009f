import { SlmError } from "@slm/core";

/** The error for a file that is not what GGUF says it should be. */
export function invalid(file: string, message: string): SlmError {
  return new SlmError("DATA_INVALID", `${file}: not a usable GGUF file: ${message}`, { context: { file } });
}
