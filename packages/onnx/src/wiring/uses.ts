/** The values that a node reads, including the captures of its subgraphs. */
import type { GraphNode, Subgraph } from "../graph/graph.js";
import { shorten } from "../graph/shorten.js";

/** The subgraphs among a node's attributes. */
export function subgraphsOf(node: GraphNode): readonly Subgraph[] {
  const found: Subgraph[] = [];
  for (const name in node.attributes) {
    const attribute = node.attributes[name];
    if (attribute?.kind === "graph") found.push(attribute.value);
  }
  return found;
}

/** The values of surrounding graphs that a subgraph reads, each once. */
export function capturesOf(body: Subgraph): ReadonlySet<string> {
  const defined = new Set(body.initializers.keys());
  for (const { name } of body.inputs) defined.add(name);
  const captured = new Set<string>();
  const read = (name: string): void => {
    if (name !== "" && !defined.has(name)) captured.add(name);
  };
  for (const node of body.nodes) {
    valuesRead(node).forEach(read);
    for (const output of node.outputs) defined.add(output);
  }
  for (const { name } of body.outputs) read(name);
  return captured;
}

/** Every value that a node reads: its inputs, then the captures of its subgraphs. Values can repeat. */
export function valuesRead(node: GraphNode): readonly string[] {
  const inputs = node.inputs.filter((name) => name !== "");
  const bodies = subgraphsOf(node);
  return bodies.length === 0 ? inputs : [...inputs, ...bodies.flatMap((body) => [...capturesOf(body)])];
}

/** Describes a node for messages: its name or index, and its operator. */
export function describeNode(node: Pick<GraphNode, "name" | "opType">, index: number): string {
  const opType = shorten(node.opType);
  return node.name === "" ? `node ${index} (${opType})` : `node '${shorten(node.name)}' (${opType})`;
}
