import { invalidFile } from "@slm/checkpoints";
import type { SlmError } from "@slm/core";

/** The error for a file that violates GGUF or contains something that is not supported. */
export const invalid = (file: string, message: string): SlmError => invalidFile(file, message, "GGUF");
