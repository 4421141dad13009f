/** Adds argmax outputs to a decoder, so that logits are not copied from the runtime. */
import { GRAPH_IO } from "@slm/exported-model";
import { SlmError } from "@slm/core";
import { type Graph, type GraphAddition, type Initializer, int, packValues, standardNode } from "@slm/onnx";

const AXES = "pick/last_axis";

/** Whether a decoder has argmax outputs. */
export function hasArgmaxOutput(outputNames: readonly string[]): boolean {
  return [GRAPH_IO.bestIds, GRAPH_IO.bestLogProbabilities].every((name) => outputNames.includes(name));
}

/** The logits to pick from, and their ids. Absent: all tokens, in order. */
export interface PickedLogits {
  readonly logits: string;
  readonly ids?: string | undefined;
}

/**
 * Nodes that compute the top-1 token of each row of logits (ties: the lowest id) and its log-probability:
 *
 * ```
 * logits [rows, vocab] ─┬─ ArgMax ─ (Gather of ids) ─ Cast ─► best_ids int32 [rows]
 *                       └─ Softmax ── ReduceMax ── Log ─────► best_log_probabilities float32 [rows]
 * ```
 */
export function argmaxNodes(
  rows: number | string,
  { logits, ids }: PickedLogits = { logits: GRAPH_IO.logits },
): GraphAddition {
  const [column, probabilities, highest] = ["pick/column", "pick/probabilities", "pick/highest"];
  const token = ids === undefined ? column : "pick/token";
  const axes: Initializer = { name: AXES, dtype: "int64", shape: [1], data: packValues("int64", [-1]) };
  return {
    nodes: [
      standardNode("ArgMax", [logits], column, { axis: int(-1), keepdims: int(0) }),
      ...(ids === undefined ? [] : [standardNode("Gather", [ids, column], token, { axis: int(0) })]),
      standardNode("Cast", [token], GRAPH_IO.bestIds, { to: int(INT32) }),
      standardNode("Softmax", [logits], probabilities, { axis: int(-1) }),
      standardNode("ReduceMax", [probabilities, AXES], highest, { keepdims: int(0) }),
      standardNode("Log", [highest], GRAPH_IO.bestLogProbabilities),
    ],
    initializers: new Map([[AXES, axes]]),
    outputs: [
      { name: GRAPH_IO.bestIds, dtype: "int32", shape: [rows] },
      { name: GRAPH_IO.bestLogProbabilities, dtype: "float32", shape: [rows] },
    ],
  };
}

/** Adds the top-1 token of each row to the graph's outputs.
 *
 * @throws SlmError OP_UNSUPPORTED for a graph without such logits.
 */
export function withArgmaxOutput(graph: Graph): Graph {
  return withPicksOf(graph, { logits: GRAPH_IO.logits });
}

/** The same for an output of logits with a different name. */
export function withPicksOf(graph: Graph, picked: PickedLogits): Graph {
  if (hasArgmaxOutput(graph.outputs.map(({ name }) => name))) return graph;
  const logits = graph.outputs.find(({ name }) => name === picked.logits);
  if (logits?.dtype !== "float32" || logits.shape?.length !== 2) {
    throw new SlmError(
      "OP_UNSUPPORTED",
      `generate: graph '${graph.name}' has no float32 '${picked.logits}' of rows`,
    );
  }
  const { nodes, initializers, outputs } = argmaxNodes(logits.shape[0]!, picked);
  return {
    ...graph,
    nodes: [...graph.nodes, ...nodes],
    outputs: [...graph.outputs, ...outputs],
    initializers: new Map([...graph.initializers, ...initializers]),
  };
}

/** ONNX element type. */
const INT32 = 6;
