/** Quantizes constants of a graph: ranges, and codes in the file's format. */
import { SlmError } from "@slm/core";
import {
  INTEGER_TYPES,
  parametersOf,
  quantizeValue,
  type IntegerType,
  type QuantizationParameters,
  type RangeOptions,
} from "./integer-types.js";

/** Splits the elements of a tensor along an axis: `outer` times `channels` times `inner`, row major. */
export interface ChannelLayout {
  readonly channels: number;
  readonly inner: number;
}

/** Without an axis there is one channel. */
export function channelLayout(shape: readonly number[], axis: number | undefined): ChannelLayout {
  const product = (sizes: readonly number[]): number => sizes.reduce((count, size) => count * size, 1);
  if (axis === undefined) return { channels: 1, inner: product(shape) };
  return { channels: shape[axis]!, inner: product(shape.slice(axis + 1)) };
}

/**
 * Computes scale and zero point of each channel from its range.
 *
 * @throws SlmError DATA_INVALID naming a constant that is not finite
 */
export function weightParameters(
  name: string,
  values: Float32Array,
  { channels, inner }: ChannelLayout,
  type: IntegerType,
  options: RangeOptions,
): readonly QuantizationParameters[] {
  const low = new Float32Array(channels);
  const high = new Float32Array(channels);
  for (let at = 0, channel = 0; at < values.length; at += inner) {
    for (let place = at; place < at + inner; place += 1) {
      const value = values[place]!;
      if (!Number.isFinite(value)) {
        throw new SlmError(
          "DATA_INVALID",
          `quantize: weight '${name}': every weight must be finite, got ${value} at element ${place}`,
        );
      }
      if (value < low[channel]!) low[channel] = value;
      else if (value > high[channel]!) high[channel] = value;
    }
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  return Array.from(low, (from, channel) => parametersOf(from, high[channel]!, type, options));
}

/**
 * ||w - dequantized|| / ||w||, Frobenius norms; 0 if both are zero.
 *
 * @param weight the original numbers, and the rounded ones that the codes were computed from
 */
export function weightError(
  { values, codesOf }: { readonly values: Float32Array; readonly codesOf: Float32Array },
  { channels, inner }: ChannelLayout,
  type: IntegerType,
  parameters: readonly QuantizationParameters[],
): number {
  const { range } = INTEGER_TYPES[type];
  let distance = 0;
  let size = 0;
  for (let at = 0, channel = 0; at < values.length; at += inner) {
    const own = parameters[channel]!;
    for (let place = at; place < at + inner; place += 1) {
      const value = values[place]!;
      distance += (value - (quantizeValue(codesOf[place]!, own, range) - own.zero) * own.scale) ** 2;
      size += value ** 2;
    }
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  return distance === 0 ? 0 : Math.sqrt(distance / size);
}

const ARRAYS = {
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int4: Int8Array,
  uint4: Uint8Array,
} as const satisfies Readonly<Record<IntegerType, unknown>>;

/** The codes of a constant as bytes of `type`. */
export function weightCodes(
  values: Float32Array,
  { channels, inner }: ChannelLayout,
  type: IntegerType,
  parameters: readonly QuantizationParameters[],
): Uint8Array {
  const { range, bits } = INTEGER_TYPES[type];
  const codes = new ARRAYS[type](values.length);
  for (let at = 0, channel = 0; at < values.length; at += inner) {
    const own = parameters[channel]!;
    for (let place = at; place < at + inner; place += 1)
      codes[place] = quantizeValue(values[place]!, own, range);
    channel = channel + 1 === channels ? 0 : channel + 1;
  }
  return bits === 4 ? packed(codes) : new Uint8Array(codes.buffer);
}

/** Two codes per byte, the first in the low nibble. */
function packed(codes: Int8Array | Uint8Array | Int16Array | Uint16Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(codes.length / 2));
  for (let at = 0; at < codes.length; at += 1) bytes[at >> 1]! |= (codes[at]! & 0xf) << ((at & 1) << 2);
  return bytes;
}

/** Encodes codes as bytes of `type`. */
export function zeroPointBytes(zeros: readonly number[], type: IntegerType): Uint8Array {
  const codes = ARRAYS[type].from(zeros);
  return INTEGER_TYPES[type].bits === 4 ? packed(codes) : new Uint8Array(codes.buffer);
}

const INT32 = [-(2 ** 31), 2 ** 31 - 1] as const;

/** A bias in int32: code = bias / scale, halves to even, in float64. One scale, or one per element. */
export function biasCodes(values: Float32Array, scales: readonly number[]): Int32Array {
  return Int32Array.from(values, (value, at) =>
    quantizeValueExactly(value, scales.length === 1 ? scales[0]! : scales[at]!),
  );
}

function quantizeValueExactly(value: number, scale: number): number {
  const scaled = value / scale;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest < 0.5 || (rest === 0.5 && floor % 2 === 0) ? floor : floor + 1;
  return Math.min(INT32[1], Math.max(INT32[0], rounded));
}

/** If a bias does not fit int32 with this margin, the weight's scale is raised. */
const MARGIN = 1.0001;

/**
 * Scales of a weight, raised where the scale of input times weight is too small for an int32 bias. Source: onnxruntime,
 * `_adjust_weight_scale_for_int32_bias`.
 */
export function scalesForBias(
  scales: readonly number[],
  inputScale: number,
  bias: Float32Array,
): readonly number[] {
  const range = 2 ** 32 - 2;
  const whole = bias.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return scales.map((scale, at) => {
    // With one channel the tool multiplies in float32.
    const needed =
      scales.length === 1
        ? (MARGIN * 2 * whole) / range
        : Math.fround(Math.fround(MARGIN) * 2 * Math.abs(bias[at] ?? 0)) / range;
    const candidate = inputScale * scale;
    return candidate > 0 && candidate < needed ? Math.fround(scale * (needed / candidate)) : scale;
  });
}
