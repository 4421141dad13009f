import type { DeviceTensor, RunRequest } from "./runtime.js";

/**
 * Where a decoder's run puts its caches, by how its graph hands them back.
 *
 * @param form replaced: whole caches, over those that were fed; appended: new positions, written from `at` on
 * @param outputs caches by the names of the graph's outputs
 * @param at tokens in the caches before the run: one number for all rows, or one for each
 */
export function cacheWrites(
  form: "replaced" | "appended" | undefined,
  outputs: Readonly<Record<string, DeviceTensor>>,
  at: readonly number[],
): Pick<RunRequest, "into" | "append"> {
  return form === "appended" ? { append: { at, outputs } } : { into: outputs };
}
