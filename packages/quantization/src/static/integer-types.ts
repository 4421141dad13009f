/**
 * Integer types of quantized tensors, and the scale and zero point of a range.
 *
 * Source: onnxruntime, python/tools/quantization/quant_utils.py (`get_qmin_qmax_for_qType`, `compute_scale_zp`, `quantize_nparray`),
 * reproduced to the last bit: float64 in the same places, halves to even.
 */

interface IntegerRange {
  readonly bits: 4 | 8 | 16;
  readonly range: readonly [number, number];
  /** Symmetric quantization does not use the lowest code, except with 4 bits. */
  readonly symmetric: readonly [number, number];
  /** One bit less, for CPUs that could overflow when they add products. */
  readonly reduced: readonly [number, number];
}

export const INTEGER_TYPES = {
  int4: { bits: 4, range: [-8, 7], symmetric: [-8, 7], reduced: [-4, 3] },
  uint4: { bits: 4, range: [0, 15], symmetric: [0, 15], reduced: [0, 7] },
  int8: { bits: 8, range: [-128, 127], symmetric: [-127, 127], reduced: [-64, 64] },
  uint8: { bits: 8, range: [0, 255], symmetric: [0, 255], reduced: [0, 127] },
  int16: { bits: 16, range: [-32768, 32767], symmetric: [-32767, 32767], reduced: [-16384, 16384] },
  uint16: { bits: 16, range: [0, 65535], symmetric: [0, 65535], reduced: [0, 32767] },
} as const satisfies Readonly<Record<string, IntegerRange>>;

export type IntegerType = keyof typeof INTEGER_TYPES;

/** Smallest normal float32. A smaller scale would lose precision. */
const TINY = 2 ** -126;

/** Round half to even. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Maps real numbers to codes and back: real = (code - zero) * scale. */
export interface QuantizationParameters {
  /** A float32 number. */
  readonly scale: number;
  readonly zero: number;
}

export interface RangeOptions {
  readonly symmetric: boolean;
  readonly reduceRange?: boolean;
  /** Minimum width of the range, because some devices divide by it. Default: none. */
  readonly minimumWidth?: number | undefined;
}

/**
 * Scale and zero point for real numbers between `low` and `high` (float32), zero included. An empty range has scale 1 and zero point 0.
 */
export function parametersOf(
  low: number,
  high: number,
  type: IntegerType,
  { symmetric, reduceRange = false, minimumWidth }: RangeOptions,
): QuantizationParameters {
  const row: IntegerRange = INTEGER_TYPES[type];
  const [first, last] = reduceRange ? row.reduced : symmetric ? row.symmetric : row.range;
  let from = Math.min(low, 0);
  let to = Math.max(high, 0);
  if (minimumWidth !== undefined) to = Math.max(to, Math.fround(from + Math.fround(minimumWidth)));
  if (symmetric) {
    to = Math.max(Math.abs(from), Math.abs(to));
    from = -to;
  }
  const scale = (to - from) / (last - first);
  if (scale < TINY) return { scale: 1, zero: 0 };
  const zero = symmetric ? roundEven((first + last) / 2) : roundEven(first - from / scale);
  return { scale: Math.fround(scale), zero: zero + 0 };
}

/** The code of a real number: float32 division, halves to even, clipped to the whole range of the type. */
export function quantizeValue(
  value: number,
  { scale, zero }: QuantizationParameters,
  [first, last]: readonly [number, number],
): number {
  const code = roundEven(Math.fround(value / scale)) + zero;
  return code < first ? first : code > last ? last : code;
}
