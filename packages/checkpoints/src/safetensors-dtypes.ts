/**
 * Element types of safetensors files: their size, and the dtype that they are read as.
 *
 * Source: `Dtype` of the safetensors library 0.8. Types without a host dtype are read as a wider one that represents all their values; 64-bit
 * floats are rounded to 32 bits. Types below eight bits need separate scales, so slm knows only their size.
 */
import { SlmError } from "@slm/core";
import {
  createHostTensor,
  elementCount,
  type DType,
  type HostData,
  type HostTensor,
  toHalf,
} from "@slm/runtime";

interface Stored {
  readonly bits: number;
  /** The dtype that it is read as, and the conversion; absent if slm cannot read it. */
  readonly as?: DType;
  readonly decode?: (buffer: ArrayBuffer, count: number) => HostData;
}

const STORED = {
  F32: { bits: 32, as: "float32", decode: (buffer, count) => new Float32Array(buffer, 0, count) },
  F16: { bits: 16, as: "float16", decode: (buffer, count) => new Uint16Array(buffer, 0, count) },
  BF16: { bits: 16, as: "bfloat16", decode: (buffer, count) => new Uint16Array(buffer, 0, count) },
  I32: { bits: 32, as: "int32", decode: (buffer, count) => new Int32Array(buffer, 0, count) },
  I64: { bits: 64, as: "int64", decode: (buffer, count) => new BigInt64Array(buffer, 0, count) },
  I8: { bits: 8, as: "int8", decode: (buffer, count) => new Int8Array(buffer, 0, count) },
  U8: { bits: 8, as: "uint8", decode: (buffer, count) => new Uint8Array(buffer, 0, count) },
  BOOL: { bits: 8, as: "bool", decode: (buffer, count) => new Uint8Array(buffer, 0, count) },
  F64: {
    bits: 64,
    as: "float32",
    decode: (buffer, count) => Float32Array.from(new Float64Array(buffer, 0, count)),
  },
  I16: {
    bits: 16,
    as: "int32",
    decode: (buffer, count) => Int32Array.from(new Int16Array(buffer, 0, count)),
  },
  U16: {
    bits: 16,
    as: "int32",
    decode: (buffer, count) => Int32Array.from(new Uint16Array(buffer, 0, count)),
  },
  U32: {
    bits: 32,
    as: "int64",
    decode: (buffer, count) => BigInt64Array.from(new Uint32Array(buffer, 0, count), BigInt),
  },
  // float8 e5m2 is the upper byte of a float16.
  F8_E5M2: {
    bits: 8,
    as: "float16",
    decode: (buffer, count) => Uint16Array.from(new Uint8Array(buffer, 0, count), (byte) => byte << 8),
  },
  F8_E4M3: {
    bits: 8,
    as: "float16",
    decode: (buffer, count) => Uint16Array.from(new Uint8Array(buffer, 0, count), halfOfE4M3),
  },
  U64: { bits: 64 },
  C64: { bits: 64 },
  F8_E8M0: { bits: 8 },
  F8_E5M2FNUZ: { bits: 8 },
  F8_E4M3FNUZ: { bits: 8 },
  F6_E2M3: { bits: 6 },
  F6_E3M2: { bits: 6 },
  F4: { bits: 4 },
} as const satisfies Readonly<Record<string, Stored>>;

export type StoredDType = keyof typeof STORED;

export const STORED_DTYPES = Object.keys(STORED) as readonly StoredDType[];

export function isStoredDType(name: unknown): name is StoredDType {
  return typeof name === "string" && Object.hasOwn(STORED, name);
}

/** Size of a tensor in bytes. */
export function storedBytes(dtype: StoredDType, shape: readonly number[]): number {
  return (elementCount(shape) * STORED[dtype].bits) / 8;
}

/** Stored type of each dtype. */
export const STORED_AS: Readonly<Record<DType, StoredDType>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int32: "I32",
  int64: "I64",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/**
 * Decodes the stored bytes of a tensor.
 *
 * @throws SlmError DATA_INVALID, naming the tensor, for a type that slm cannot read
 */
export function decodeStored(
  name: string,
  { dtype, shape }: { readonly dtype: StoredDType; readonly shape: readonly number[] },
  buffer: ArrayBuffer,
): HostTensor {
  const { as, decode }: Stored = STORED[dtype];
  if (as === undefined || decode === undefined)
    throw new SlmError("DATA_INVALID", `safetensors: '${name}' is ${dtype}, which is not supported`, {
      context: { name, dtype },
    });
  return createHostTensor(as, shape, decode(buffer, elementCount(shape)));
}

/** The float16 bits of a float8 e4m3 (one sign, four exponent, three fraction bits; no infinity, one NaN). */
function halfOfE4M3(byte: number): number {
  const sign = (byte & 0x80) << 8;
  const exponent = (byte >> 3) & 0xf;
  const fraction = byte & 0x7;
  if ((byte & 0x7f) === 0x7f) return sign | 0x7e00;
  if (exponent === 0) return sign | toHalf(fraction * 2 ** -9);
  return sign | ((exponent + 8) << 10) | (fraction << 7);
}
