/** Names, types and sizes of a session's inputs and outputs. */
import type { GraphSignature, ValueSignature } from "@slm/runtime";
import { textAt, type OrtApi, type Pointer } from "../ort/api.js";
import { elementTypeName } from "../ort/element-types.js";
import { dimensions } from "./tensors.js";

/** Source: enum ONNXType, ONNX_TYPE_TENSOR. */
const TENSOR = 1;

const SIDES = {
  inputs: { count: "SessionGetInputCount", name: "SessionGetInputName", type: "SessionGetInputTypeInfo" },
  outputs: { count: "SessionGetOutputCount", name: "SessionGetOutputName", type: "SessionGetOutputTypeInfo" },
} as const;

export function readSignature(api: OrtApi, session: Pointer): GraphSignature {
  const allocator = api.pointer("GetAllocatorWithDefaultOptions");
  const side = ({ count, name, type }: (typeof SIDES)[keyof typeof SIDES]): readonly ValueSignature[] =>
    Array.from({ length: api.number(count, session) }, (_, at) => {
      const text = api.pointer(name, session, at, allocator);
      const info = api.pointer(type, session, at);
      try {
        return { name: textAt(text), ...readType(api, info) };
      } finally {
        api.call("AllocatorFree", allocator, text);
        api.plain("ReleaseTypeInfo", info);
      }
    });
  return { inputs: side(SIDES.inputs), outputs: side(SIDES.outputs) };
}

function readType(api: OrtApi, typeInfo: Pointer): Pick<ValueSignature, "dtype" | "shape"> {
  if (api.number("GetOnnxTypeFromTypeInfo", typeInfo) !== TENSOR) return { dtype: "non-tensor", shape: [] };
  // Part of the type info, so it is not released separately.
  const info = api.pointer("CastTypeInfoToTensorInfo", typeInfo);
  const sizes = dimensions(api, info);
  const symbols = symbolicSizes(api, info, sizes.length);
  return {
    dtype: elementTypeName(api.number("GetTensorElementType", info)),
    shape: sizes.map((size, axis) => (size < 0 ? symbols[axis]! : size)),
  };
}

/** Symbolic names of sizes; "" for sizes without a name. */
function symbolicSizes(api: OrtApi, info: Pointer, rank: number): readonly string[] {
  if (rank === 0) return [];
  const names = new BigInt64Array(rank);
  api.call("GetSymbolicDimensions", info, names, rank);
  return [...names].map((address) => textAt(address));
}
