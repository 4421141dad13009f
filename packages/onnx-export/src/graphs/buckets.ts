/** Lengths that static graphs are made for. */
import { SlmError } from "@slm/core";
import { imageTokenCount, type EncoderDecoderConfig } from "@slm/model";
import type { StaticSizes } from "./static-graphs.js";

/**
 * One set of graphs for each source length, ascending. Lengths beyond the model's longest source become that one, so
 * that every source the model reads has a graph; those that an image fills alone are left out.
 *
 * @throws SlmError USAGE for a window the model was not made for, or where an image leaves no room for text in any length.
 */
export function staticSizes(
  { maxSource, maxTarget, vision }: EncoderDecoderConfig,
  {
    buckets,
    window = maxTarget,
  }: { readonly buckets: readonly number[]; readonly window?: number | undefined },
): readonly StaticSizes[] {
  if (window > maxTarget) {
    throw new SlmError(
      "USAGE",
      `export: the window is at most the model's longest target, ${maxTarget}, got ${window}`,
    );
  }
  if (window < 2) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `export: a static decoder needs a window of 2 tokens, the model has ${window}`,
    );
  }
  const image = vision === undefined ? 0 : imageTokenCount(vision);
  const capped = new Set(
    buckets.map((length) => Math.min(length, maxSource)).filter((length) => length > image),
  );
  if (capped.size === 0) {
    throw new SlmError(
      "USAGE",
      `export: an image is ${image} tokens; of the source lengths ${buckets.join(", ")} none leaves place for text`,
      { suggestions: [`--buckets ${maxSource}`] },
    );
  }
  return [...capped].sort((a, b) => a - b).map((source) => ({ source, window }));
}
