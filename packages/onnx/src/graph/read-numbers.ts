/** Reads tensor bytes as numbers (doubles). */
import { SlmError } from "@slm/core";
import { elementCount, type OnnxDType } from "./dtypes.js";
import type { TensorValue } from "./graph.js";

/** The number with these float16 bits. */
export function float16Value(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const mantissa = bits & 0x3ff;
  if (exponent === 0) return sign * mantissa * 2 ** -24;
  if (exponent === 0x1f) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

function bfloat16Value(bits: number): number {
  return new Float32Array(new Uint32Array([bits << 16]).buffer)[0]!;
}

/** The 4-bit field of element `index`, low nibble first. */
function nibble(view: DataView, index: number): number {
  return (view.getUint8(index >> 1) >> (index % 2 === 0 ? 0 : 4)) & 0xf;
}

type Read = (view: DataView, index: number) => number;

const READ: Readonly<Partial<Record<OnnxDType, Read>>> = {
  float32: (view, index) => view.getFloat32(index * 4, true),
  float64: (view, index) => view.getFloat64(index * 8, true),
  float16: (view, index) => float16Value(view.getUint16(index * 2, true)),
  bfloat16: (view, index) => bfloat16Value(view.getUint16(index * 2, true)),
  int64: (view, index) => Number(view.getBigInt64(index * 8, true)),
  uint64: (view, index) => Number(view.getBigUint64(index * 8, true)),
  int32: (view, index) => view.getInt32(index * 4, true),
  uint32: (view, index) => view.getUint32(index * 4, true),
  int16: (view, index) => view.getInt16(index * 2, true),
  uint16: (view, index) => view.getUint16(index * 2, true),
  int8: (view, index) => view.getInt8(index),
  uint8: (view, index) => view.getUint8(index),
  bool: (view, index) => (view.getUint8(index) === 0 ? 0 : 1),
  uint4: nibble,
  int4: (view, index) => (nibble(view, index) << 28) >> 28,
};

/**
 * The elements of a tensor, row major; undefined for unsupported types (text, 8-bit floats). 64-bit integers beyond 2^53 are rounded.
 *
 * @throws SlmError DATA_INVALID if the tensor has more than `limit` elements; use this only for small constants.
 */
export function readNumbers(tensor: TensorValue, limit = 2 ** 20): readonly number[] | undefined {
  const read = READ[tensor.dtype];
  if (read === undefined) return undefined;
  const count = elementCount(tensor.shape);
  if (count > limit) {
    throw new SlmError("DATA_INVALID", `graph: the limit is ${limit} numbers per constant, got ${count}`);
  }
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Array.from({ length: count }, (_, index) => read(view, index));
}
