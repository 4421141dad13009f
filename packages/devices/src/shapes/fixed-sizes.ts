/** A graph for one size of its inputs: the sizes asked for and all that follow from them, written into its types. */
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

/** Numbers that are known in place of what the file says; its own words where no number is. */
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
 * The graph with these sizes of its inputs, and with the sizes that follow in the types of its outputs and of the values it has
 * notes of, in bodies too.
 *
 * @throws SlmError USAGE as `fixSizes`; SHAPE_MISMATCH where a node cannot run with these sizes; in a branch too, as runtimes
 * check both
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
      `sizes ${sizes}: the model does not run with them: node '${shorten(name)}' (${shorten(opType)}): ${misfit.message}`,
    );
  }
  return typedBody(fixed, facts);
}
