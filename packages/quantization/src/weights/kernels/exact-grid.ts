/**
 * Finds the grid of a block that was quantized before, such as the weights of GGUF files, so that quantizing it again loses nothing. Such
 * weights are integer multiples of one step, and the largest magnitude is a small multiple, so there are few possible steps.
 */
import { SMALLEST, extremes, type Grid } from "./grid.js";

/**
 * Possible multiples of the largest magnitude, by the last code. 2 and 4 bits: all multiples. 8 bits: those of ggml's Q8_0 and of signed bytes,
 * because trying all 255 on every block would take longer than rounding it.
 */
const MULTIPLES: Readonly<Record<number, readonly number[]>> = {
  3: [1, 2, 3],
  15: Array.from({ length: 15 }, (_, index) => index + 1),
  255: [127, 128],
};

/** Finds a grid that reproduces the first `count` weights of `block` bit for bit, as float32; undefined if there is none. */
export function exactGrid(
  block: Float64Array,
  count: number,
  last: number,
  symmetric: boolean,
): Grid | undefined {
  const { largest } = extremes(block, count);
  if (Math.abs(largest) < SMALLEST) return undefined;
  for (const multiple of MULTIPLES[last] ?? []) {
    const step = Math.fround(Math.abs(largest) / multiple);
    const span = spanOf(block, count, step);
    const grid = span === undefined ? undefined : gridOver(span, step, last, symmetric);
    if (grid !== undefined) return grid;
  }
  return undefined;
}

/** The lowest and highest multiple, zero included; undefined if a weight is not a multiple. */
function spanOf(
  block: Float64Array,
  count: number,
  step: number,
): { readonly lowest: number; readonly highest: number } | undefined {
  let lowest = 0;
  let highest = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    const multiple = Math.round(value / step);
    if (Math.fround(multiple * step) !== value) return undefined;
    if (multiple < lowest) lowest = multiple;
    if (multiple > highest) highest = multiple;
  }
  return { lowest, highest };
}

/** The zero point: in the middle if the weights fit, possibly with a negated step; otherwise so that the lowest weight has code 0. */
function gridOver(
  { lowest, highest }: { readonly lowest: number; readonly highest: number },
  step: number,
  last: number,
  symmetric: boolean,
): Grid | undefined {
  const middle = (last + 1) / 2;
  if (lowest >= -middle && highest < middle) return { scale: step, zero: middle };
  if (highest <= middle && lowest > -middle) return { scale: -step, zero: middle };
  return symmetric || highest - lowest > last ? undefined : { scale: step, zero: -lowest };
}
