/** Drops nodes and initializers that no graph output depends on. */
import type { Graph, GraphNode } from "../graph/graph.js";
import { valuesRead } from "../wiring/uses.js";

/**
 * The graph without dead nodes and initializers. Graph inputs stay, used or not: they are the contract with the caller.
 * Unused outputs of a node stay too if the node itself is needed.
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
