import { describe, expect, test } from "vitest";
import { float, floats, int, ints, subgraph, tensor, text } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import { GraphIndex } from "./graph-index.js";
import type { Graph, GraphNode } from "../graph/graph.js";
import { packValues } from "../graph/values.js";

/** x -> Neg -> Add(x) -> y, and an If whose branch reads the output of Neg. */
function branched(): Graph {
  const g = new GraphBuilder("branched");
  const x = g.input("x", "float32", [2]);
  const w = g.initializer("w", "float32", [2], Float32Array.of(1, 2));
  const negated = g.op("Neg", [x]);
  g.output("y", g.op("Add", [negated, negated]), "float32", [2]);
  const body = {
    name: "then",
    nodes: [],
    initializers: new Map(),
    inputs: [],
    outputs: [{ name: negated }],
  };
  const condition = g.op("Greater", [x, w]);
  g.output("z", g.op("If", [condition], { attributes: { then_branch: subgraph(body) } }), "float32", [2]);
  return g.build();
}

const constantNode = (attributes: GraphNode["attributes"]): Graph => {
  const g = new GraphBuilder("constant");
  g.output("y", g.op("Constant", [], { attributes }), "float32", [1]);
  return g.build();
};

describe(GraphIndex, () => {
  test("lists every use, one by one, captures of bodies among them", () => {
    const index = new GraphIndex(branched());
    const uses = index.usesOf("/Neg").map(({ node, input }) => [node.opType, input]);
    expect(uses).toEqual([
      ["Add", 0],
      ["Add", 1],
      ["If", undefined],
    ]);
    expect(index.usesOf("y")).toEqual([]);
    expect(index.bodies.map(({ node, body }) => [node.opType, body.name])).toEqual([["If", "then"]]);
  });

  test("tells inputs, outputs and constants apart", () => {
    const graph = branched();
    const index = new GraphIndex(graph);
    expect(["x", "w", "y", "/Neg"].map((value) => index.isInput(value))).toEqual([true, false, false, false]);
    expect(["x", "y", "/Neg"].map((value) => index.isOutput(value))).toEqual([false, true, false]);
    expect(["x", "w", "/Neg"].map((value) => index.isConstant(value))).toEqual([false, true, false]);
    const overridable = new GraphIndex({
      ...graph,
      inputs: [...graph.inputs, { name: "w", dtype: "float32", shape: [2] }],
    });
    expect(overridable.isConstant("w")).toBe(false);
    expect(overridable.constantOf("w")).toBeUndefined();
  });

  test.each<[string, GraphNode["attributes"], readonly number[] | undefined]>([
    [
      "a tensor",
      { value: tensor({ dtype: "int64", shape: [2], data: packValues("int64", [3, -1]) }) },
      [3, -1],
    ],
    ["a whole number", { value_int: int(5) }, [5]],
    ["whole numbers", { value_ints: ints([1, 2]) }, [1, 2]],
    ["a real number", { value_float: float(0.5) }, undefined],
    ["real numbers", { value_floats: floats([0.5]) }, undefined],
    ["text", { value_string: text("a") }, undefined],
  ])("reads a Constant that states %s", (_, attributes, integers) => {
    const graph = constantNode(attributes);
    const index = new GraphIndex(graph);
    const value = graph.nodes[0]!.outputs[0]!;
    expect(index.isConstant(value)).toBe(true);
    expect(index.integersOf(value)).toEqual(integers);
    expect(index.constantOf(value) === undefined).toBe("value_string" in attributes);
  });
});
