/** The plan of a whole graph: every operator's rule, in order. */
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

/** The nodes that are to be quantized; those that read a constant with numbers that are not finite stay as they are. */
export function coveredNodes(
  graph: Graph,
  { coverage, exclude }: Pick<GraphPlanOptions, "coverage" | "exclude">,
): ReadonlySet<GraphNode> {
  // A CPU gains nothing from masks in integers, and attention loses.
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

/** Plans what is quantized in a graph. */
export function planGraph(graph: Graph, options: GraphPlanOptions): TensorPlan {
  const { coverage } = options;
  const covered = coveredNodes(graph, options);
  const plan = new TensorPlan(graph, { force: coverage === "all" });
  graph.nodes.forEach((node, index) => {
    if (covered.has(node)) ruleOf(node, coverage)!(node, index, plan);
  });
  return plan;
}
