import { SlmError } from "@slm/core";

/** The error for a file that violates the GGUF format or is unsupported. */
export function invalid(file: string, message: string): SlmError {
  return new SlmError("DATA_INVALID", `${file}: not a usable GGUF file: ${message}`, { context: { file } });
}
