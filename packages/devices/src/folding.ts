/** Nodes that ONNX Runtime computes or removes before it offers the graph to a provider (optimization level basic). */
import { subgraphsOf, type GraphNode, type Subgraph } from "@slm/onnx";
import { isStatic } from "./shapes/facts.js";
import type { GraphFacts } from "./shapes/graph-facts.js";

/** What is known of a graph's values. */
interface KnownValues {
  readonly facts: GraphFacts;
  /** Whether a value is the same in every run, given the nodes that are. */
  isKnown(value: string, folded: ReadonlySet<GraphNode>): boolean;
}

/** Another result each time, or kept for what it says to the compiler. */
const NEVER_FOLDED: ReadonlySet<string> = new Set([
  ...["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"],
  ...["QuantizeLinear", "DequantizeLinear"],
]);

/** Operators that pass their input on; a model in use drops nothing out. */
const REMOVED: ReadonlySet<string> = new Set(["Identity", "Dropout"]);

/**
 * The nodes of a graph that compute the same in every run: constants, operators on nothing but constants, and sizes
 * of values whose shape is static.
 */
export function foldedNodes(graph: Subgraph, scope: KnownValues): ReadonlySet<GraphNode> {
  const folded = new Set<GraphNode>();
  for (const node of graph.nodes) if (isFolded(node, scope, folded)) folded.add(node);
  return folded;
}

function isFolded(node: GraphNode, scope: KnownValues, folded: ReadonlySet<GraphNode>): boolean {
  if (node.domain !== "" || NEVER_FOLDED.has(node.opType)) return false;
  if (node.opType === "Constant") return true;
  if (node.opType === "Shape" || node.opType === "Size") {
    const { shape } = scope.facts.of(node.inputs[0] ?? "");
    if (shape !== undefined && isStatic(shape)) return true;
  }
  if (subgraphsOf(node).length > 0) return false;
  const inputs = node.inputs.filter((name) => name !== "");
  return inputs.length > 0 && inputs.every((name) => scope.isKnown(name, folded));
}

/** Whether the node only passes its input on and vanishes before a device sees the graph. */
export function isRemoved({ domain, opType }: GraphNode): boolean {
  return domain === "" && REMOVED.has(opType);
}
