/**
 * Probes: additional graph outputs that expose inner values. Each probe reduces a value inside the graph to an output of fixed size.
 *
 *   range:   x -> ReduceMin, ReduceMax -> two numbers
 *   gram:    x -> Reshape [-1, K] -> Gemm(x^T, x) -> [K, K]
 */
import { int, type Graph, type GraphNode, type ValueInfo } from "@slm/onnx";
import { GraphParts } from "../rewrite/graph-parts.js";

export type Probe =
  | { readonly kind: "range"; readonly value: string }
  | { readonly kind: "gram"; readonly value: string; readonly width: number };

interface ProbedGraph {
  readonly graph: Graph;
  /** Names of the outputs of each probe: `range` has two, `gram` one. */
  readonly outputs: readonly (readonly string[])[];
}

/** Adds probes. The graph keeps its other outputs, which callers can ignore. */
export function addProbes(graph: Graph, probes: readonly Probe[]): ProbedGraph {
  const parts = new GraphParts(graph);
  const nodes: GraphNode[] = [];
  const added: ValueInfo[] = [];
  const owner: GraphNode = {
    name: "probe",
    opType: "",
    domain: "",
    inputs: [],
    attributes: {},
    outputs: ["probe"],
  };
  const op = (
    opType: string,
    inputs: readonly string[],
    attributes: GraphNode["attributes"] = {},
  ): string => {
    const node = parts.helper(owner, opType, { opType, inputs, attributes });
    nodes.push(node);
    return node.outputs[0]!;
  };
  const output = (name: string, shape: readonly (number | string)[]): string => {
    added.push({ name, dtype: "float32", shape });
    return name;
  };
  const rowsOf = (value: string, width: number): string =>
    op("Reshape", [
      value,
      parts.initializer("probe/shape", "int64", [2], BigInt64Array.of(-1n, BigInt(width))),
    ]);
  const place = (probe: Probe): readonly string[] => {
    const { value } = probe;
    switch (probe.kind) {
      case "range":
        return ["ReduceMin", "ReduceMax"].map((opType) =>
          output(op(opType, [value], { keepdims: int(0) }), []),
        );
      case "gram": {
        const rows = rowsOf(value, probe.width);
        return [output(op("Gemm", [rows, rows], { transA: int(1) }), [probe.width, probe.width])];
      }
    }
  };
  const outputs = probes.map(place);
  return {
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...nodes],
      initializers: new Map([...graph.initializers, ...parts.initializers]),
      outputs: [...graph.outputs, ...added],
    },
    outputs,
  };
}
