/** Converts weights that some exporters store in `Constant` nodes to initializers. */
import { attributeOf } from "../graph/attributes.js";
import type { AttributeValue, Graph, GraphNode, Initializer, Subgraph } from "../graph/graph.js";
import { subgraphsOf } from "../wiring/uses.js";

/** The float32 tensor of a `Constant`; constants of other types, such as shapes and indices, stay. */
function weightOf(node: GraphNode, outputs: ReadonlySet<string>): Initializer | undefined {
  const [name] = node.outputs;
  if (node.opType !== "Constant" || node.domain !== "" || name === undefined || outputs.has(name))
    return undefined;
  const tensor = attributeOf(node, "value", "tensor");
  return tensor?.dtype === "float32" ? { ...tensor, name } : undefined;
}

function lifted<Body extends Subgraph>(body: Body): Body {
  const outputs = new Set(body.outputs.map(({ name }) => name));
  const weights = new Map<string, Initializer>();
  const nodes = body.nodes.flatMap((node) => {
    const weight = weightOf(node, outputs);
    if (weight === undefined) return [withBodies(node)];
    weights.set(weight.name, weight);
    return [];
  });
  return { ...body, nodes, initializers: new Map([...body.initializers, ...weights]) };
}

function withBodies(node: GraphNode): GraphNode {
  if (subgraphsOf(node).length === 0) return node;
  const attributes = Object.entries(node.attributes).map(([name, attribute]): [string, AttributeValue] => [
    name,
    attribute.kind === "graph" ? { kind: "graph", value: lifted(attribute.value) } : attribute,
  ]);
  return { ...node, attributes: Object.fromEntries(attributes) };
}

/**
 * Converts float32 `Constant` nodes to initializers of the same names, also in subgraphs. The computation and all names do not change. A
 * constant that is a graph output keeps its node.
 */
export function liftConstants(graph: Graph): Graph {
  return lifted(graph);
}
