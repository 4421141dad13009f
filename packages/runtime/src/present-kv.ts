/** The forms in which decoders return self-attention caches, and where a run writes them. */
import type { DeviceTensor, RunRequest } from "./runtime.js";

/** full: the whole caches including the new positions; delta: only the new positions, see `AppendRequest`. */
export const PRESENT_KV = ["full", "delta"] as const;
export type PresentKv = (typeof PRESENT_KV)[number];

/**
 * Where a decoder's run writes its caches, by the form in which the graph returns them.
 *
 * @param form full (default): overwrite the input caches; delta: append to their contents, from position `at` on
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
