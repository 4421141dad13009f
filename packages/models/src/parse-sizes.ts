/** Parses sizes of a model's inputs. */
import { SlmError } from "@slm/core/errors";
import type { FixedSizes } from "@slm/onnx";

/** Maximum number of axes in a flag. Real tensors have fewer. */
const MAX_AXES = 64;

/**
 * Parses sizes such as `x=1,3,48,320`, or `batch=1` for a dynamic axis. A name may contain `=`.
 *
 * @throws SlmError USAGE for malformed sizes
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
    `--shape ${text}: expected INPUT=N,N,... with a positive integer for each axis, or AXIS=N for a dynamic axis`,
    { suggestions: ["--shape input=1,3,48,320", "--shape batch=1"] },
  );
}
