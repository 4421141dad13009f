/** A decoder for runs of one new token: branches between one token and several are decided. */
import { ROW_POSITIONS } from "@slm/exported-model";
import type { Graph, GraphNode } from "@slm/onnx";

/** The graph with every If between one token and several (`ROW_POSITIONS`) replaced by its branch for one; other graphs as they are. */
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
