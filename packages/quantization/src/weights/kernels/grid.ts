/** The grid of a block: codes 0..last, w = (code - zero) * scale. */

export interface Grid {
  /** A float32 number, never zero, possibly negative. */
  readonly scale: number;
  /** The code of weight zero, 0..last. */
  readonly zero: number;
}

/** Blocks with a smaller largest weight become zero, because their scale would not be a normal float32. */
export const SMALLEST = 2 ** -110;

/** The nearest code of a weight divided by the scale; halves round up. */
export function nearestCode(scaled: number, zero: number, last: number): number {
  const code = Math.floor(scaled + 0.5) + zero;
  return code < 0 ? 0 : code > last ? last : code;
}

/** Squared error of the first `count` weights of `block` with the nearest codes of the grid. */
export function squaredError(
  block: Float64Array,
  count: number,
  { scale, zero }: Grid,
  last: number,
): number {
  const inverse = 1 / scale;
  let sum = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    const difference = value - (nearestCode(value * inverse, zero, last) - zero) * scale;
    sum += difference * difference;
  }
  return sum;
}

/** Lowest and highest of the first `count` weights, zero included, and the one furthest from zero (the lowest in a tie). */
export function extremes(
  block: Float64Array,
  count: number,
): { readonly lowest: number; readonly highest: number; readonly largest: number } {
  let lowest = 0;
  let highest = 0;
  for (let at = 0; at < count; at += 1) {
    const value = block[at]!;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
  }
  return { lowest, highest, largest: highest > -lowest ? highest : lowest };
}
