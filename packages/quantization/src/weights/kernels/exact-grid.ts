/**
 * The grid that a block lies on already: weights that were dequantized before, as those of GGUF files, lose nothing a second
 * time. Such weights are whole multiples of one step, and the one furthest from zero is a small multiple of it, so that few
 * steps come into question.
 */
import { SMALLEST, extremes, type Grid } from "./grid.js";

/**
 * Multiples that the furthest weight may be, by the last code. 4 bits: all that a grid has. 8 bits: where ggml's Q8_0 and
 * grids of signed bytes put it; trying all 255 on every block would take longer than rounding it.
 */
const MULTIPLES: Readonly<Record<number, readonly number[]>> = {
  15: Array.from({ length: 15 }, (_, index) => index + 1),
  255: [127, 128],
};

/**
 * The grid of the first `count` weights of `block` that gives every one of them bit for bit, as float32; undefined if none
 * of those tried does.
 */
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

/** The lowest and highest multiple, zero included; undefined if a weight is no multiple. */
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

/** Zero in the middle where it fits, with the step turned round if need be; else where the lowest weight has code 0. */
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
