/** Restores the names of graph outputs after rewriting: renames the producer, or adds an Identity. */
import type { Graph, GraphNode } from "../graph.js";

/**
 * Makes each graph output `name` equal to the value `resolve(name)`.
 *
 * The producer's value is renamed if that is allowed: a node computes it, it is not an output itself, no subgraph
 * captures it (`pinned`), and no earlier output has claimed it. Otherwise an `Identity` is added.
 */
export function nameOutputs(
  graph: Graph,
  nodes: readonly GraphNode[],
  resolve: (value: string) => string,
  pinned: ReadonlySet<string>,
): readonly GraphNode[] {
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  const outputs = new Set(graph.outputs.map(({ name }) => name));
  const renamed = new Map<string, string>();
  const added: GraphNode[] = [];
  for (const { name } of graph.outputs) {
    const value = resolve(name);
    if (value === name) continue;
    if (computed.has(value) && !outputs.has(value) && !pinned.has(value) && !renamed.has(value))
      renamed.set(value, name);
    else {
      const inputs = [renamed.get(value) ?? value];
      added.push({
        name: `/outputs/${name}`,
        opType: "Identity",
        domain: "",
        inputs,
        outputs: [name],
        attributes: {},
      });
    }
  }
  if (renamed.size === 0) return [...nodes, ...added];
  const rename = (value: string): string => renamed.get(value) ?? value;
  return [
    ...nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
    ...added,
  ];
}
