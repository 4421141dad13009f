import { SlmError } from "@slm/core";

/** Element types of tensors that are passed between host and runtime, with their typed arrays. */
export const DTYPES = {
  float32: Float32Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  int8: Int8Array,
  bool: Uint8Array,
} as const;

export type DType = keyof typeof DTYPES;
export type HostData = Float32Array | Uint16Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;

/** A dense row-major tensor in host memory. float16 and bfloat16 contain raw bits; bool contains 0 or 1. */
export interface HostTensor {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly data: HostData;
}

/** Concatenates arrays. */
export function joinFloats(parts: readonly Float32Array[]): Float32Array<ArrayBuffer> {
  const all = new Float32Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Number of elements of a shape; a scalar (`[]`) has one. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Creates a host tensor and checks that the array type matches the dtype and its length matches the shape. Without `data`, all elements are zero.
 *
 * @throws SlmError SHAPE_MISMATCH if data and shape disagree.
 */
export function createHostTensor(dtype: DType, shape: readonly number[], data?: HostData): HostTensor {
  const expected = elementCount(shape);
  const values = data ?? new DTYPES[dtype](expected);
  if (!(values instanceof DTYPES[dtype]) || values.length !== expected) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `tensor of ${dtype}[${shape.join(",")}] needs ${String(expected)} elements in a ${DTYPES[dtype].name}, ` +
        `got ${String(values.length)} in a ${values.constructor.name}`,
    );
  }
  return { dtype, shape, data: values };
}
