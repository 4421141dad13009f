/** A decoder that computes fewer drafts than its heads could make: each one costs time, whether somebody verifies it or not. */
import { SlmError } from "@slm/core";
import { GRAPH_IO } from "@slm/exported-model";
import { removeDeadCode, type Graph, type GraphNode } from "@slm/onnx";

/**
 * The graph with the first `count` of its drafts, and without the nodes and weights that only the others need; graphs that compute no more
 * as they are.
 *
 * Drafts are joined in one node, whose first inputs stay. Each is computed from the one before, never from a later one.
 *
 * @throws SlmError DATA_INVALID for a graph whose drafts are not joined so
 */
export function fewerDrafts(graph: Graph, count: number): Graph {
  const output = graph.outputs.find(({ name }) => name === GRAPH_IO.draftIds);
  if (output === undefined) return graph;
  if (count === 0)
    return removeDeadCode({ ...graph, outputs: graph.outputs.filter((one) => one !== output) });
  const join = joinOf(graph);
  if (join === undefined)
    throw new SlmError(
      "DATA_INVALID",
      `generate: graph '${graph.name}' should join the drafts of its heads in one Concat, and does not`,
      { suggestions: ["slm export CHECKPOINT"] },
    );
  if (join.inputs.length <= count) return graph;
  const cut = { ...join, inputs: join.inputs.slice(0, count) };
  return removeDeadCode({
    ...graph,
    nodes: graph.nodes.map((node) => (node === join ? cut : node)),
    outputs: graph.outputs.map((one) =>
      one === output ? { ...one, shape: output.shape && [output.shape[0]!, count] } : one,
    ),
  });
}

/** The node that joins the drafts of the heads. */
function joinOf({ nodes }: Graph): GraphNode | undefined {
  return nodes.find(({ opType, outputs }) => opType === "Concat" && outputs.includes(GRAPH_IO.draftIds));
}
