/** Decodes tensors of a model file to raw bytes, for all seven storage fields of the format. */
import { SlmError } from "@slm/core";
import { TensorProto_DataLocation as Location, type TensorProto } from "onnx-buf";
import { checkTensor } from "../checks/check.js";
import { ONNX_DTYPES, dtypeOfCode, tensorByteLength, type OnnxDType } from "../graph/dtypes.js";
import type { TensorValue } from "../graph/graph.js";
import { rejectUnsupportedFields } from "./unsupported-fields.js";
import type { ExternalBytes, Reading } from "./reading.js";
import { bytesOf } from "../graph/values.js";

/** More axes than any operator supports. A longer shape means a corrupt file. */
const MAX_RANK = 64;

/** Rejects a shape with too many axes. @throws SlmError DATA_INVALID. */
export function checkRank(rank: number, where: string): void {
  if (rank <= MAX_RANK) return;
  throw new SlmError("DATA_INVALID", `${where}: a tensor can have at most ${MAX_RANK} axes, got ${rank}`);
}

/**
 * The element type of a code.
 *
 * @throws SlmError DATA_INVALID for unsupported types.
 */
export function decodeDtype(code: number, where: string): OnnxDType {
  const dtype = dtypeOfCode(code);
  if (dtype !== undefined) return dtype;
  const known = Object.keys(ONNX_DTYPES).join(", ");
  throw new SlmError(
    "DATA_INVALID",
    `${where}: element type must be one of ${known}; got ONNX type code ${code}`,
  );
}

/** A 64-bit integer as a number. @throws SlmError DATA_INVALID if it would be rounded. */
export function exactNumber(value: bigint, where: string): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new SlmError("DATA_INVALID", `${where}: integers are exact only up to 2^53, got ${String(value)}`);
}

type TypedField = "floatData" | "int32Data" | "int64Data" | "doubleData" | "uint64Data";

/** The field of each type, if the bytes are not in `raw_data`. Source: comments of `TensorProto` in onnx.proto. */
const TYPED_FIELD: Readonly<Record<Exclude<OnnxDType, "string">, TypedField>> = {
  float32: "floatData",
  float64: "doubleData",
  int64: "int64Data",
  uint32: "uint64Data",
  uint64: "uint64Data",
  int32: "int32Data",
  int16: "int32Data",
  uint16: "int32Data",
  int8: "int32Data",
  uint8: "int32Data",
  bool: "int32Data",
  float16: "int32Data",
  bfloat16: "int32Data",
  float8e4m3fn: "int32Data",
  float8e4m3fnuz: "int32Data",
  float8e5m2: "int32Data",
  float8e5m2fnuz: "int32Data",
  float8e8m0: "int32Data",
  float4e2m1: "int32Data",
  int4: "int32Data",
  uint4: "int32Data",
  int2: "int32Data",
  uint2: "int32Data",
};

/** Packs `int32_data`: the low bits of each entry contain one element, or one byte of several packed elements. */
function packInt32Data(dtype: OnnxDType, values: readonly number[]): ArrayBufferView {
  const bits = ONNX_DTYPES[dtype].bits ?? 0;
  if (bits === 32) return Int32Array.from(values);
  return bits === 16 ? Uint16Array.from(values) : Uint8Array.from(values);
}

function packTyped(tensor: TensorProto, dtype: OnnxDType, field: TypedField): ArrayBufferView {
  switch (field) {
    case "floatData":
      return Float32Array.from(tensor.floatData);
    case "doubleData":
      return Float64Array.from(tensor.doubleData);
    case "int64Data":
      return BigInt64Array.from(tensor.int64Data);
    case "uint64Data":
      return dtype === "uint32"
        ? Uint32Array.from(tensor.uint64Data, Number)
        : BigUint64Array.from(tensor.uint64Data);
    case "int32Data":
      return packInt32Data(dtype, tensor.int32Data);
  }
}

const ALIGNMENT = 8;

/** The same bytes at an aligned offset, valid for any typed array. */
function aligned(data: Uint8Array): Uint8Array {
  return data.byteOffset % ALIGNMENT === 0 ? bytesOf(data) : Uint8Array.from(data);
}

function tensorBytes(
  tensor: TensorProto,
  dtype: OnnxDType,
  external: ExternalBytes,
  where: string,
): Uint8Array {
  if (dtype === "string") throw new SlmError("DATA_INVALID", `${where}: string tensors are not supported`);
  const field = TYPED_FIELD[dtype];
  const places = [
    tensor.dataLocation === Location.EXTERNAL ? "external_data" : "",
    tensor.rawData.byteLength > 0 ? "raw_data" : "",
    ...Object.values(TYPED_FIELD).filter(
      (name, index, all) => all.indexOf(name) === index && tensor[name].length > 0,
    ),
  ].filter((place) => place !== "");
  if (places.length > 1) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: a tensor's bytes must be in one place, got ${places.join(" and ")}`,
    );
  }
  if (tensor.dataLocation === Location.EXTERNAL) {
    const bytes = external.get(tensor);
    if (bytes !== undefined) return bytes;
    throw new SlmError(
      "DATA_INVALID",
      `${where}: its bytes are in another file, which cannot be found without the model's path`,
      {
        suggestions: ["read the model from its path"],
      },
    );
  }
  if (tensor.externalData.length > 0) {
    throw new SlmError(
      "DATA_INVALID",
      `${where}: it names another file but declares that its bytes are in this one`,
    );
  }
  if (places[0] === undefined || places[0] === "raw_data") return aligned(tensor.rawData);
  if (places[0] !== field) {
    throw new SlmError("DATA_INVALID", `${where}: ${dtype} must be stored in ${field}, got ${places[0]}`);
  }
  return bytesOf(packTyped(tensor, dtype, field));
}

/** Whether an outline does not read the tensor's bytes, because they are external or text. */
export function isLeftUnread(tensor: TensorProto, { external, notes }: Reading): boolean {
  if (notes === undefined) return false;
  const isText = dtypeOfCode(tensor.dataType) === "string";
  return isText || (tensor.dataLocation === Location.EXTERNAL && !external.has(tensor));
}

const NO_BYTES = new Uint8Array(0);

/**
 * A tensor of the file as raw bytes, aligned to 8 in their buffer, so that any typed array can view them. A tensor that is not read (see
 * `isLeftUnread`) has no bytes.
 *
 * @throws SlmError DATA_INVALID naming the tensor if its bytes do not fill its shape or cannot be kept exactly.
 */
export function decodeTensor(tensor: TensorProto, reading: Reading, where: string): TensorValue {
  rejectUnsupportedFields("tensor", tensor, where, reading.notes);
  checkRank(tensor.dims.length, where);
  const dtype = decodeDtype(tensor.dataType, where);
  const shape = tensor.dims.map((size) => exactNumber(size, where));
  if (isLeftUnread(tensor, reading)) return { dtype, shape, data: NO_BYTES };
  const value = { dtype, shape, data: tensorBytes(tensor, dtype, reading.external, where) };
  checkTensor(value, where);
  return value;
}

/** Expected byte size of a tensor of the file. @throws SlmError DATA_INVALID if its shape is invalid. */
export function expectedBytes(tensor: TensorProto, where: string): number {
  const shape = tensor.dims.map((size) => exactNumber(size, where));
  return tensorByteLength(decodeDtype(tensor.dataType, where), shape, where);
}
