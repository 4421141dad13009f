/**
 * Weights of every output sample of one axis, as in Pillow. For downscaling the filter is widened by the scale (antialiasing). Weights are
 * normalized to 1 and rounded to 22 bits.
 *
 * Source: Pillow's documentation of `Image.resize` and its filters; numbers compared with Pillow 13 (`tools/interop/reference`).
 */

interface Filter {
  /** Half the width of the filter at scale 1 [samples]. */
  readonly support: number;
  readonly weight: (x: number) => number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Parameter of cubic convolution. Source: Keys 1981; a = -1/2 is exact for second-degree polynomials. */
const CUBIC = -0.5;

function cubic(signed: number): number {
  const x = Math.abs(signed);
  if (x < 1) return ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * CUBIC : 0;
}

export const FILTERS = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: cubic },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
} as const satisfies Readonly<Record<string, Filter>>;
export type FilterName = keyof typeof FILTERS;

/** 32 bits, minus 8 of a sample, minus 2 for negative lobes. */
export const WEIGHT_BITS = 22;

/** Weights of consecutive outputs: `size` for each, starting at input `first[output]`, padded with 0. */
export interface Coefficients {
  readonly size: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
}

/** Weights of outputs `from` to `from + length` - 1 of an axis that is resized from `input` to `output` samples. */
export function coefficients(
  filter: FilterName,
  { input, output }: { readonly input: number; readonly output: number },
  { from, length }: { readonly from: number; readonly length: number },
): Coefficients {
  const { support: reach, weight } = FILTERS[filter];
  const scale = input / output;
  const widened = Math.max(1, scale);
  const support = reach * widened;
  const size = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(length);
  const count = new Int32Array(length);
  const weights = new Int32Array(length * size);
  const raw = new Float64Array(size);
  for (let i = 0; i < length; i++) {
    const center = (from + i + 0.5) * scale;
    const low = Math.max(0, Math.trunc(center - support + 0.5));
    const taps = Math.min(input, Math.trunc(center + support + 0.5)) - low;
    let sum = 0;
    for (let tap = 0; tap < taps; tap++) {
      raw[tap] = weight((tap + low - center + 0.5) / widened);
      sum += raw[tap]!;
    }
    first[i] = low;
    count[i] = taps;
    for (let tap = 0; tap < taps; tap++)
      weights[i * size + tap] = roundAway((raw[tap]! / sum) * 2 ** WEIGHT_BITS);
  }
  return { size, first, count, weights };
}

/** The nearest integer, halves away from 0. */
const roundAway = (x: number): number => Math.trunc(x < 0 ? x - 0.5 : x + 0.5);
