import { invalidFile } from "@slm/checkpoints";
import type { SlmError } from "@slm/core";

/** The error for a file that violates GGUF or uses an unsupported feature. */
export const invalid = (file: string, message: string): SlmError => invalidFile(file, message, "GGUF");
