/** The supported element types of ONNX tensors, with their code in the file format and their size. */
import { SlmError } from "@slm/core";

/**
 * One row per element type: `code` is `TensorProto.DataType` of onnx.proto, `bits` the size of one stored element. Strings have no fixed
 * size: inputs and outputs can be strings, initializers cannot.
 */
export const ONNX_DTYPES = {
  float32: { code: 1, bits: 32 },
  uint8: { code: 2, bits: 8 },
  int8: { code: 3, bits: 8 },
  uint16: { code: 4, bits: 16 },
  int16: { code: 5, bits: 16 },
  int32: { code: 6, bits: 32 },
  int64: { code: 7, bits: 64 },
  string: { code: 8, bits: undefined },
  bool: { code: 9, bits: 8 },
  float16: { code: 10, bits: 16 },
  float64: { code: 11, bits: 64 },
  uint32: { code: 12, bits: 32 },
  uint64: { code: 13, bits: 64 },
  bfloat16: { code: 16, bits: 16 },
  float8e4m3fn: { code: 17, bits: 8 },
  float8e4m3fnuz: { code: 18, bits: 8 },
  float8e5m2: { code: 19, bits: 8 },
  float8e5m2fnuz: { code: 20, bits: 8 },
  uint4: { code: 21, bits: 4 },
  int4: { code: 22, bits: 4 },
  float4e2m1: { code: 23, bits: 4 },
  float8e8m0: { code: 24, bits: 8 },
  uint2: { code: 25, bits: 2 },
  int2: { code: 26, bits: 2 },
} as const satisfies Readonly<Record<string, { readonly code: number; readonly bits: number | undefined }>>;

export type OnnxDType = keyof typeof ONNX_DTYPES;

function isOnnxDType(name: string): name is OnnxDType {
  return Object.hasOwn(ONNX_DTYPES, name);
}

const DTYPE_BY_CODE: ReadonlyMap<number, OnnxDType> = new Map(
  Object.entries(ONNX_DTYPES).flatMap(([name, { code }]) =>
    isOnnxDType(name) ? [[code, name] as const] : [],
  ),
);

/** The element type with this code of onnx.proto; undefined if it is not supported (complex). */
export function dtypeOfCode(code: number): OnnxDType | undefined {
  return DTYPE_BY_CODE.get(code);
}

/** Number of elements of a shape; a scalar (`[]`) has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Bytes of a dense tensor. Elements smaller than a byte are packed, and the last byte can be partly used.
 *
 * @throws SlmError DATA_INVALID for strings, negative or fractional dimensions, and sizes beyond exact integers.
 */
export function tensorByteLength(dtype: OnnxDType, shape: readonly number[], where: string): number {
  const { bits } = ONNX_DTYPES[dtype];
  if (bits === undefined) throw new SlmError("DATA_INVALID", `${where}: a ${dtype} tensor has no fixed size`);
  const bad = shape.find((size) => !Number.isSafeInteger(size) || size < 0);
  if (bad !== undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: dimensions must be non-negative integers, got [${shape.join(",")}]`,
    );
  }
  const bytes = Math.ceil((elementCount(shape) * bits) / 8);
  if (!Number.isSafeInteger(bytes)) {
    throw new SlmError("DATA_INVALID", `${where}: ${dtype}[${shape.join(",")}] is too large for a tensor`);
  }
  return bytes;
}
