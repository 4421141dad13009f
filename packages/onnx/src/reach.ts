/** What nodes of a graph need, and what they lead to. */
import type { GraphNode, Subgraph } from "./graph.js";
import type { GraphIndex } from "./graph-index.js";

/** The nodes that values come from, those alone that `isWanted`: others, and what lies before them, are left out. */
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

/** The nodes that read given values, and all that reads what they make, in the order of the graph; as far as they are wanted. */
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
