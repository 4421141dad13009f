/** The two passes of a separable filter over 8-bit samples. Each sum is rounded to 8 bits, so the order of passes matters. */
import { type Coefficients, WEIGHT_BITS } from "./resample-coefficients.js";

const HALF = 1 << (WEIGHT_BITS - 1);

/** Rows of samples, `channels` for each of `width` pixels. */
export interface Rows {
  readonly width: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** Filters along rows `top` to `top + rows` - 1; pixel `left` is the first in each: `[rows, width, channels]` -> `[rows, outputs, channels]`. */
export function alongRows(
  { width, channels, data }: Rows,
  { top, rows, left }: { readonly top: number; readonly rows: number; readonly left: number },
  { size, first, count, weights }: Coefficients,
): Uint8ClampedArray {
  const outputs = first.length;
  const result = new Uint8ClampedArray(rows * outputs * channels);
  let out = 0;
  for (let row = 0; row < rows; row++) {
    const start = (top + row) * width * channels;
    for (let column = 0; column < outputs; column++) {
      const from = column * size;
      const to = from + count[column]!;
      let at = start + (first[column]! - left) * channels;
      let red = HALF;
      if (channels === 1) {
        for (let tap = from; tap < to; tap++) red += weights[tap]! * data[at++]!;
        result[out++] = red >> WEIGHT_BITS;
        continue;
      }
      let green = HALF;
      let blue = HALF;
      for (let tap = from; tap < to; tap++) {
        const weight = weights[tap]!;
        red += weight * data[at]!;
        green += weight * data[at + 1]!;
        blue += weight * data[at + 2]!;
        at += 3;
      }
      result[out] = red >> WEIGHT_BITS;
      result[out + 1] = green >> WEIGHT_BITS;
      result[out + 2] = blue >> WEIGHT_BITS;
      out += 3;
    }
  }
  return result;
}

/** Adjacent samples of every row: `samples` of them from `offset`, in rows that are `stride` samples apart. */
export interface Columns {
  readonly stride: number;
  readonly offset: number;
  readonly samples: number;
}

/** Filters across rows; row `top` is the first in the data: `[rows, samples]` -> `[outputs, samples]`. */
export function acrossRows(
  data: Uint8Array | Uint8ClampedArray,
  { stride, offset, samples, top }: Columns & { readonly top: number },
  { size, first, count, weights }: Coefficients,
): Uint8ClampedArray {
  const result = new Uint8ClampedArray(first.length * samples);
  const sums = new Int32Array(samples);
  for (let row = 0; row < first.length; row++) {
    sums.fill(HALF);
    for (let tap = 0; tap < count[row]!; tap++) {
      const weight = weights[row * size + tap]!;
      const from = (first[row]! - top + tap) * stride + offset;
      for (let i = 0; i < samples; i++) sums[i] = sums[i]! + weight * data[from + i]!;
    }
    const to = row * samples;
    for (let i = 0; i < samples; i++) result[to + i] = sums[i]! >> WEIGHT_BITS;
  }
  return result;
}
