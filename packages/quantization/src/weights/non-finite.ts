/** Finds weights with numbers that are not finite, which cannot be quantized. */
import type { Initializer } from "@slm/onnx";
import { float32sOf } from "./float-bytes.js";

/** Names a number of a float32 weight that is not finite; undefined if all are finite. */
export function notFinite(initializer: Initializer): string | undefined {
  const values = float32sOf(initializer);
  for (let at = 0; at < values.length; at += 1) {
    if (Number.isFinite(values[at])) continue;
    return `it contains ${values[at]!} (element ${at}), which integers cannot represent`;
  }
  return undefined;
}

/** Reasons why weights of a graph cannot be quantized, by name. */
export function notFiniteWeights(initializers: Iterable<Initializer>): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const initializer of initializers) {
    const reason = initializer.dtype === "float32" ? notFinite(initializer) : undefined;
    if (reason !== undefined) found.set(initializer.name, reason);
  }
  return found;
}
