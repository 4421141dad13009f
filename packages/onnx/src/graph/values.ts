/** Converts numbers to tensor bytes and back: little endian, row major, two 4-bit elements per byte with the low nibble first. */
import { SlmError } from "@slm/core";
import { elementCount, type OnnxDType } from "./dtypes.js";
import type { TensorValue } from "./graph.js";

/** The bytes of a view, without a copy. */
export function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Round half to even: the rounding of IEEE 754. */
function roundEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** The bits of the float16 nearest to `value`, ties to even. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00; // halfway between the largest float16, 65504, and 2^16
  if (size < 2 ** -14) return sign | roundEven(size * 2 ** 24);
  let exponent = Math.floor(Math.log2(size));
  if (2 ** exponent > size) exponent -= 1;
  if (2 ** (exponent + 1) <= size) exponent += 1;
  // A mantissa that rounds up to 2048 correctly carries into the exponent.
  return sign | (((exponent + 15) << 10) + roundEven(size / 2 ** (exponent - 10)) - 1024);
}

/** The bits of the bfloat16 nearest to the float32 nearest to `value`, ties to even. */
export function bfloat16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = new Uint32Array(new Float32Array([value]).buffer)[0]!;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Element types to which numbers can be packed. Other types are only kept as bytes. */
type Packable = Exclude<OnnxDType, "string" | "int2" | "uint2" | `float8${string}` | "float4e2m1">;
type Integers = Exclude<Packable, "float32" | "float64" | "float16" | "bfloat16">;

const INTEGER_RANGE: Readonly<Record<Integers, readonly [number, number]>> = {
  int4: [-8, 7],
  uint4: [0, 15],
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-(2 ** 15), 2 ** 15 - 1],
  uint16: [0, 2 ** 16 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  bool: [0, 1],
};

function packNibbles(values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 2));
  values.forEach((value, index) => {
    bytes[index >> 1]! |= (value & 0xf) << (index % 2 === 0 ? 0 : 4);
  });
  return bytes;
}

const PACK: Readonly<Record<Packable, (values: readonly number[]) => ArrayBufferView>> = {
  float32: (values) => Float32Array.from(values),
  float64: (values) => Float64Array.from(values),
  float16: (values) => Uint16Array.from(values, float16Bits),
  bfloat16: (values) => Uint16Array.from(values, bfloat16Bits),
  int4: packNibbles,
  uint4: packNibbles,
  int8: (values) => Int8Array.from(values),
  uint8: (values) => Uint8Array.from(values),
  int16: (values) => Int16Array.from(values),
  uint16: (values) => Uint16Array.from(values),
  int32: (values) => Int32Array.from(values),
  uint32: (values) => Uint32Array.from(values),
  int64: (values) => BigInt64Array.from(values, BigInt),
  uint64: (values) => BigUint64Array.from(values, BigInt),
  bool: (values) => Uint8Array.from(values),
};

function isInteger(dtype: OnnxDType): dtype is Integers {
  return Object.hasOwn(INTEGER_RANGE, dtype);
}

function isPackable(dtype: OnnxDType): dtype is Packable {
  return Object.hasOwn(PACK, dtype);
}

/**
 * Packs numbers to the bytes of a tensor. Floats are rounded to nearest; integers must be in range.
 *
 * @throws SlmError DATA_INVALID for an integer that is fractional or out of range, and for types to which numbers cannot be packed.
 */
export function packValues(dtype: OnnxDType, values: readonly number[]): Uint8Array {
  if (!isPackable(dtype))
    throw new SlmError("DATA_INVALID", `graph: a ${dtype} tensor cannot be packed from numbers`);
  if (isInteger(dtype)) {
    const [low, high] = INTEGER_RANGE[dtype];
    const bad = values.find((value) => !Number.isInteger(value) || value < low || value > high);
    if (bad !== undefined) {
      throw new SlmError(
        "DATA_INVALID",
        `graph: ${dtype} must be an integer from ${low} to ${high}, got ${bad}`,
      );
    }
  }
  return bytesOf(PACK[dtype](values));
}

const VIEW_READ: Readonly<Partial<Record<OnnxDType, (view: DataView, index: number) => number>>> = {
  int64: (view, index) => Number(view.getBigInt64(index * 8, true)),
  int32: (view, index) => view.getInt32(index * 4, true),
};

/**
 * The numbers of a shape-like tensor (int32 or int64), or undefined for any other dtype.
 * Values beyond 2^53 are rounded: they can only mean "to the end".
 */
export function readIntegers(tensor: TensorValue): readonly number[] | undefined {
  const read = VIEW_READ[tensor.dtype];
  if (read === undefined) return undefined;
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Array.from({ length: elementCount(tensor.shape) }, (_, index) => read(view, index));
}
