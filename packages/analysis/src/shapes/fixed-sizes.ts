/** Fixes the input sizes of a graph and writes all inferred sizes into its types. */
import { SlmError } from "@slm/core";
import {
  fixSizes,
  shorten,
  type AttributeValue,
  type FixedSizes,
  type Graph,
  type GraphNode,
  type OutputInfo,
  type Subgraph,
  type UntypedValue,
} from "@slm/onnx";
import { isNumber, isStatic, type Shape } from "./facts.js";
import type { GraphFacts } from "./graph-facts.js";
import { inferShapes } from "./infer.js";

/** Inferred sizes if they are numbers; otherwise the declared sizes. */
function sizesOf(inferred: Shape | undefined, told: Shape | undefined): Shape | undefined {
  if (inferred === undefined) return told;
  if (told?.length !== inferred.length) return isStatic(inferred) ? inferred : told;
  return inferred.map((size, axis) => (isNumber(size) ? size : told[axis]!));
}

function typed<Value extends OutputInfo | UntypedValue>(value: Value, facts: GraphFacts): Value {
  const shape = sizesOf(facts.of(value.name).shape, value.shape);
  return shape === undefined ? value : { ...value, shape };
}

function typedNode(node: GraphNode, facts: GraphFacts): GraphNode {
  const attributes = Object.entries(node.attributes);
  if (!attributes.some(([, { kind }]) => kind === "graph")) return node;
  const bodies = attributes.map(([name, attribute]): [string, AttributeValue] => {
    const inside = attribute.kind === "graph" ? facts.bodyFacts(attribute.value) : undefined;
    if (attribute.kind !== "graph" || inside === undefined) return [name, attribute];
    return [name, { kind: "graph", value: typedBody(attribute.value, inside) }];
  });
  return { ...node, attributes: Object.fromEntries(bodies) };
}

function typedBody<Body extends Subgraph>(body: Body, facts: GraphFacts): Body {
  const { values } = body;
  return {
    ...body,
    nodes: body.nodes.map((node) => typedNode(node, facts)),
    outputs: body.outputs.map((output) => typed(output, facts)),
    ...(values && { values: new Map([...values].map(([name, value]) => [name, typed(value, facts)])) }),
  };
}

/**
 * The graph with these input sizes, and with the inferred sizes in the types of its outputs and declared values, also in
 * subgraphs.
 *
 * @throws SlmError USAGE as `fixSizes`; SHAPE_MISMATCH if a node cannot run with these sizes. Both branches of an `If` are checked,
 * as in runtimes.
 */
export function withFixedSizes(graph: Graph, requests: readonly FixedSizes[]): Graph {
  if (requests.length === 0) return graph;
  const fixed = fixSizes(graph, requests);
  const { facts, problems } = inferShapes({ ...fixed, producer: "", omitted: [] });
  const misfit = problems.find(({ kind }) => kind === "misfit");
  if (misfit !== undefined) {
    const sizes = requests.map((request) => `${shorten(request.name)}=${request.sizes.join(",")}`).join(" ");
    const { name, opType } = misfit.node;
    throw new SlmError(
      "SHAPE_MISMATCH",
      `sizes ${sizes}: the model cannot run with these sizes: node '${shorten(name)}' (${shorten(opType)}): ${misfit.message}`,
    );
  }
  return typedBody(fixed, facts);
}
