import type { GraphNode } from "./graph.js";

/** A node of ONNX's standard operators with one output, which also names it. */
export const standardNode = (
  opType: string,
  inputs: readonly string[],
  output: string,
  attributes: GraphNode["attributes"] = {},
): GraphNode => ({ name: output, opType, domain: "", inputs, outputs: [output], attributes });
