import { describe, expect, test } from "vitest";
import { int, ints, subgraph, tensor } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { checkGraph } from "../checks/check.js";
import type { Graph, GraphNode, TensorValue } from "../graph/graph.js";
import { liftConstants } from "./lift-constants.js";

const weight: TensorValue = {
  dtype: "float32",
  shape: [2],
  data: new Uint8Array(Float32Array.of(1, 2).buffer),
};

const constant = (
  name: string,
  attributes: GraphNode["attributes"] = { value: tensor(weight) },
): GraphNode => ({
  name,
  opType: "Constant",
  domain: "",
  inputs: [],
  attributes,
  outputs: [name],
});

const add = (name: string, inputs: readonly string[]): GraphNode => ({
  name,
  opType: "Add",
  domain: "",
  inputs,
  attributes: {},
  outputs: [name],
});

describe(liftConstants, () => {
  const branch = {
    name: "then",
    initializers: new Map(),
    inputs: [],
    nodes: [constant("inner"), add("sum", ["inner", "outer"])],
    outputs: [{ name: "sum" }],
  };
  const base = ((): Graph => {
    const g = new GraphBuilder("lift");
    g.output("y", g.op("Neg", [g.input("x", "float32", [2])]), "float32", [2]);
    return g.build();
  })();
  const graph: Graph = {
    ...base,
    nodes: [
      constant("outer"),
      constant("axes", { value_ints: ints([0]) }),
      constant("size", { value_int: int(3) }),
      constant("kept"),
      { ...add("if", ["x"]), opType: "If", attributes: { then_branch: subgraph(branch) } },
      ...base.nodes,
    ],
    outputs: [...base.outputs, { name: "kept", dtype: "float32", shape: [2] }],
  };

  test("makes initializers of float32 constants, in bodies too, under their names", () => {
    const lifted = liftConstants(graph);
    checkGraph(lifted);
    expect(lifted.initializers.get("outer")).toEqual({ ...weight, name: "outer" });
    const body = lifted.nodes.find(({ opType }) => opType === "If")!.attributes.then_branch;
    expect(body?.kind === "graph" && body.value).toMatchObject({
      initializers: new Map([["inner", { ...weight, name: "inner" }]]),
      nodes: [{ name: "sum" }],
    });
  });

  test("leaves shapes, scalars and constants that are outputs as nodes", () => {
    const left = liftConstants(graph).nodes.filter(({ opType }) => opType === "Constant");
    expect(left.map(({ name }) => name)).toEqual(["axes", "size", "kept"]);
  });
});
