import { SlmError } from "@slm/core";

/** The error for a file that violates its format (GGUF, unless it is another), or is unsupported. */
export function invalid(file: string, message: string, format = "GGUF"): SlmError {
  return new SlmError("DATA_INVALID", `${file}: not a usable ${format} file: ${message}`, {
    context: { file },
  });
}
