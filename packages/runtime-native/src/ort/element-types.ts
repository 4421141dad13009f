/** ONNX Runtime's numbers for element types. Source: enum ONNXTensorElementDataType of onnxruntime_c_api.h. */
import type { DType } from "@slm/runtime";

/** Names in the order of the enumeration, as onnxruntime-node spells them. */
const NAMES = [
  "undefined",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
] as const;

export function elementTypeName(type: number): string {
  return NAMES[type] ?? `element type ${String(type)}`;
}

export function elementTypeNumber(dtype: DType): number {
  return NAMES.indexOf(dtype);
}
