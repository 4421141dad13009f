/** Plans a whole graph by applying the rule of every operator, in order. */
import type { Graph, GraphNode } from "@slm/onnx";
import { findMaskedScores } from "./attention-scores.js";
import { notFiniteWeights } from "../weights/non-finite.js";
import { ruleOf, type Coverage } from "./operator-rules.js";
import { TensorPlan } from "./tensor-plan.js";

export interface GraphPlanOptions {
  readonly coverage: Coverage;
  /** Nodes that stay as they are, by name. */
  readonly exclude?: ReadonlySet<string> | undefined;
}

/** The nodes to quantize. Nodes that read a constant with numbers that are not finite are excluded. */
export function coveredNodes(
  graph: Graph,
  { coverage, exclude }: Pick<GraphPlanOptions, "coverage" | "exclude">,
): ReadonlySet<GraphNode> {
  // Integer masks do not help a CPU, and make attention worse.
  const scores = coverage === "standard" ? findMaskedScores(graph) : [];
  const kept = new Set(
    scores.flatMap(({ softmax, chains }) => [
      softmax,
      ...chains.flatMap(({ sums }) => sums.map(({ add }) => add)),
    ]),
  );
  const notFinite = notFiniteWeights(graph.initializers.values());
  return new Set(
    graph.nodes.filter((node) => {
      if (kept.has(node) || exclude?.has(node.name) === true) return false;
      return ruleOf(node, coverage) !== undefined && !node.inputs.some((name) => notFinite.has(name));
    }),
  );
}

/** Plans the quantization of a graph. */
export function planGraph(graph: Graph, options: GraphPlanOptions): TensorPlan {
  const { coverage } = options;
  const covered = coveredNodes(graph, options);
  const plan = new TensorPlan(graph, { force: coverage === "all" });
  graph.nodes.forEach((node, index) => {
    if (covered.has(node)) ruleOf(node, coverage)!(node, index, plan);
  });
  return plan;
}
