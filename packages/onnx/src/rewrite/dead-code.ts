/** Removes nodes and initializers on which no graph output depends. */
import type { Graph, GraphNode } from "../graph/graph.js";
import { valuesRead } from "../wiring/uses.js";

/**
 * Returns the graph without dead nodes and initializers. Unused graph inputs stay, because callers pass them. Unused outputs of a needed
 * node also stay.
 */
export function removeDeadCode(graph: Graph): Graph {
  const needed = new Set(graph.outputs.map(({ name }) => name));
  const nodes: GraphNode[] = [];
  for (const node of [...graph.nodes].reverse()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const value of valuesRead(node)) needed.add(value);
  }
  const inputs = new Set(graph.inputs.map(({ name }) => name));
  const initializers = new Map(
    [...graph.initializers].filter(([name]) => needed.has(name) || inputs.has(name)),
  );
  const rest = { ...graph, nodes: nodes.reverse(), initializers };
  if (graph.values === undefined) return rest;
  const computed = new Set(nodes.flatMap((node) => node.outputs));
  return { ...rest, values: new Map([...graph.values].filter(([name]) => computed.has(name))) };
}
