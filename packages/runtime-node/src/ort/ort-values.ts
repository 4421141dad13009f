/** Converts between ONNX Runtime's tensors and host tensors without copying. */
import { SlmError } from "@slm/core";
import { type DType, type HostTensor, type ValueSignature, DTYPES } from "@slm/runtime";
import type * as Ort from "onnxruntime-node";

export function toSignature(value: Ort.InferenceSession.ValueMetadata): ValueSignature {
  return value.isTensor
    ? { name: value.name, dtype: value.type, shape: value.shape }
    : { name: value.name, dtype: "non-tensor", shape: [] };
}

function isDType(type: string): type is DType {
  return Object.hasOwn(DTYPES, type);
}

/** The tensor's memory as bytes, not a copy. */
export function bytesOf(tensor: Ort.Tensor): Uint8Array<ArrayBuffer> {
  const { data, type } = tensor;
  if (!ArrayBuffer.isView(data) || !(data.buffer instanceof ArrayBuffer)) {
    throw new SlmError("OP_UNSUPPORTED", `runtime-node: a tensor of ${type} has no typed array`);
  }
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** An ONNX Runtime tensor as a host tensor over the same memory. */
export function toHost(name: string, tensor: Ort.Tensor): HostTensor {
  const { type, dims, size } = tensor;
  if (!isDType(type)) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `runtime-node: '${name}' is ${type}; supported output types are ${Object.keys(DTYPES).join(", ")}`,
    );
  }
  const View = DTYPES[type];
  const { data } = tensor;
  if (data instanceof View) return { dtype: type, shape: dims, data };
  // If JavaScript has Float16Array, ONNX Runtime returns one. Here, float16 is raw bits.
  const { buffer, byteOffset } = bytesOf(tensor);
  return { dtype: type, shape: dims, data: new View(buffer, byteOffset, size) };
}
