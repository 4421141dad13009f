import { SlmError } from "@slm/core";

/** The error for a file that violates its format or contains something that is not supported. @param format such as `GGUF` */
export function invalidFile(file: string, message: string, format: string): SlmError {
  return new SlmError("DATA_INVALID", `${file}: not a usable ${format} file: ${message}`, {
    context: { file },
  });
}

/** A name from a file for error messages: without control characters, and truncated. */
export function shownName(name: string): string {
  return JSON.stringify(name.slice(0, 80)).slice(1, -1);
}
