/** Rejects a graph that is already quantized. */
import { SlmError } from "@slm/core";
import type { Graph } from "@slm/onnx";
import { scopesOf } from "./scopes.js";

/** Operators with quantized weights. */
const QUANTIZED_OPERATORS: ReadonlySet<string> = new Set([
  "MatMulNBits",
  "MatMulBnb4",
  "GatherBlockQuantized",
  "DynamicQuantizeMatMul",
  "MatMulIntegerToFloat",
  "MatMulInteger",
  "QLinearMatMul",
  "DynamicQuantizeLinear",
  "QuantizeLinear",
  "DequantizeLinear",
]);

/** @throws SlmError DATA_INVALID naming a node that is already quantized */
export function rejectQuantized(graph: Graph): void {
  const all = scopesOf(graph).flatMap(({ body }) => body.nodes);
  const node = all.find(({ opType }) => QUANTIZED_OPERATORS.has(opType));
  if (node === undefined) return;
  throw new SlmError(
    "DATA_INVALID",
    `quantize: graph '${graph.name}' is already quantized: node '${node.name}' is ${node.opType}`,
    { suggestions: ["quantize the float32 export: slm quantize EXPORT_DIR --scheme cpu"] },
  );
}
