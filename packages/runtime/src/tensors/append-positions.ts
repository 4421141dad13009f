/** Writes new positions into a cache: {@link AppendRequest} for device tensors in host memory. */
import { SlmError } from "@slm/core";
import type { HostTensor } from "./host-tensor.js";

type Sized = Pick<HostTensor, "dtype" | "shape">;

/** @throws SlmError SHAPE_MISMATCH as {@link appendPositions} */
export function checkAppended(runtime: string, cache: Sized, fresh: Sized, at: readonly number[]): void {
  const [rows = 0, heads = 0, capacity = 0, dim = 0] = cache.shape;
  const [freshRows, length = 0, width] = fresh.shape;
  const fits =
    cache.dtype === fresh.dtype &&
    cache.shape.length === 4 &&
    fresh.shape.length === 3 &&
    freshRows === rows &&
    width === heads * dim &&
    (at.length === 1 || at.length === rows) &&
    at.every((first) => Number.isInteger(first) && first >= 0 && first + length <= capacity);
  if (fits) return;
  throw new SlmError(
    "SHAPE_MISMATCH",
    `${runtime}: append of ${fresh.dtype}[${fresh.shape.join(",")}] at [${at.join(",")}] does not fit a cache ` +
      `${cache.dtype}[${cache.shape.join(",")}] of rows, heads, capacity and dim`,
  );
}

/**
 * Copies `fresh` into `cache`, position by position of each head.
 *
 * @param runtime package name for the error
 * @param at first position written: one number for all rows, or one for each
 * @throws SlmError SHAPE_MISMATCH, with nothing written, unless `fresh` is `[rows, length, heads · dim]` for a cache
 * `[rows, heads, capacity, dim]` of the same type with room for `length` positions from every first position on
 */
export function appendPositions(
  runtime: string,
  cache: HostTensor,
  fresh: HostTensor,
  at: readonly number[],
): void {
  checkAppended(runtime, cache, fresh, at);
  const [rows = 0, heads = 0, capacity = 0, dim = 0] = cache.shape;
  const length = fresh.shape[1] ?? 0;
  const width = heads * dim;
  // Typed arrays of one type: `set` is a plain copy of memory.
  const to = cache.data as Float32Array;
  const from = fresh.data as Float32Array;
  for (let row = 0; row < rows; row++) {
    const first = at.length === 1 ? at[0]! : at[row]!;
    for (let head = 0; head < heads; head++) {
      let target = ((row * heads + head) * capacity + first) * dim;
      let source = row * length * width + head * dim;
      for (let position = 0; position < length; position++, target += dim, source += width)
        to.set(from.subarray(source, source + dim), target);
    }
  }
}
