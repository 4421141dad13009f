/** Prepares a decoder for runs of one new token by resolving the branches between one token and several. */
import { ROW_POSITIONS } from "@slm/exported-model";
import type { Graph, GraphNode } from "@slm/onnx";

/** Replaces every If between one token and several (`ROW_POSITIONS`) by its branch for one token. Other graphs are unchanged. */
export function oneToken(graph: Graph): Graph {
  return { ...graph, nodes: graph.nodes.flatMap(stepOf) };
}

function stepOf(node: GraphNode): readonly GraphNode[] {
  const branch = node.attributes["then_branch"];
  if (node.opType !== "If" || branch?.kind !== "graph" || branch.value.name !== ROW_POSITIONS.stepBranch)
    return [node];
  const { nodes, outputs, initializers } = branch.value;
  if (initializers.size > 0) return [node];
  const result = { ...node, opType: "Identity", inputs: outputs.map(({ name }) => name), attributes: {} };
  return [...nodes, result];
}
