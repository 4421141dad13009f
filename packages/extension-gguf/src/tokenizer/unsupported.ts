import { SlmError } from "@slm/core";

/** The error for a valid tokenizer that `tokenizer.json` cannot express. */
export function unsupported(file: string, feature: string): SlmError {
  return new SlmError("OP_UNSUPPORTED", `${file}: the tokenizer is not supported: ${feature}`, {
    context: { file, feature },
  });
}
