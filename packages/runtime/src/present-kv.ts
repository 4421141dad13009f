/** How decoders hand back self-attention caches, and what a run does with them. */
import type { DeviceTensor, RunRequest } from "./runtime.js";

/** replaced: whole caches with the new positions written; appended: the new positions alone, see `AppendRequest`. */
export const PRESENT_KV = ["full", "delta"] as const;
export type PresentKv = (typeof PRESENT_KV)[number];

/**
 * Where a decoder's run puts its caches, by how its graph hands them back.
 *
 * @param form replaced (default): over the caches that were fed; appended: behind what they hold, from `at` on
 * @param outputs caches by the names of the graph's outputs
 * @param at tokens in the caches before the run: one number for all rows, or one for each
 */
export function cacheWrites(
  form: PresentKv | undefined,
  outputs: Readonly<Record<string, DeviceTensor>>,
  at: readonly number[],
): Pick<RunRequest, "into" | "append"> {
  return form === "delta" ? { append: { at, outputs } } : { into: outputs };
}
