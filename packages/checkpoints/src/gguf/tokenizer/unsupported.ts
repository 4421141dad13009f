import { SlmError } from "@slm/core";

/** The error for a tokenizer that is sound and that no `tokenizer.json` can express. */
export function unsupported(file: string, feature: string): SlmError {
  return new SlmError("OP_UNSUPPORTED", `${file}: the tokenizer is not read: ${feature}`, {
    context: { file, feature },
  });
}
