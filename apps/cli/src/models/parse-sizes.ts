/** Sizes of a model's inputs as text. */
import { SlmError } from "@slm/core/errors";
import type { FixedSizes } from "@slm/onnx";

/** Axes a flag may list; a tensor has fewer. */
const MAX_AXES = 64;

/**
 * Sizes as the flag says them: `x=1,3,48,320`, or `batch=1` for a symbol. A name may hold `=`.
 *
 * @throws SlmError USAGE for what is not written so
 */
export function parseSizes(text: string): FixedSizes {
  const at = text.lastIndexOf("=");
  const [name, list] = [text.slice(0, at), text.slice(at + 1)];
  const words = list.split(",").map((word) => word.trim());
  const isRead = at > 0 && words.length <= MAX_AXES && words.every((word) => /^[1-9]\d{0,15}$/.test(word));
  const sizes = words.map(Number);
  if (isRead && sizes.every(Number.isSafeInteger)) return { name, sizes };
  throw new SlmError(
    "USAGE",
    `--shape ${text}: expected an input and a whole number from 1 on for each of its axes, or a symbol and one number`,
    { suggestions: ["--shape input=1,3,48,320", "--shape batch=1"] },
  );
}
