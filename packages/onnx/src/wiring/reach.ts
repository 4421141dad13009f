/** Ancestors and descendants of nodes in a graph. */
import type { GraphNode, Subgraph } from "../graph/graph.js";
import type { GraphIndex } from "./graph-index.js";

/** The ancestors of values for which `isWanted` is true. The search does not continue past other nodes. */
export function reachableNodes(
  index: GraphIndex,
  values: readonly string[],
  isWanted: (node: GraphNode, value: string) => boolean = () => true,
): ReadonlySet<GraphNode> {
  const producers = (names: readonly string[]): readonly GraphNode[] =>
    names.flatMap((value) => {
      const node = index.producerOf(value)?.node;
      return node !== undefined && isWanted(node, value) ? [node] : [];
    });
  const found = new Set(producers(values));
  for (const node of found) for (const before of producers(node.inputs)) found.add(before);
  return found;
}

/** The descendants of values for which `isWanted` is true, in graph order. */
export function nodesAfter(
  { nodes }: Subgraph,
  values: readonly string[],
  isWanted: (node: GraphNode) => boolean = () => true,
): ReadonlySet<GraphNode> {
  const made = new Set(values);
  const found = new Set<GraphNode>();
  for (const node of nodes) {
    if (!isWanted(node) || !node.inputs.some((input) => made.has(input))) continue;
    found.add(node);
    for (const output of node.outputs) made.add(output);
  }
  return found;
}
