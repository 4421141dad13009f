import { describe, expect, test } from "vitest";
import { float, int, ints } from "../graph/attributes.js";
import { GraphBuilder } from "../builder.js";
import type { Graph } from "../graph/graph.js";
import { optimizeGraph } from "./optimize.js";

type Write = (g: GraphBuilder, x: string) => string;

/** The remaining operators of a graph with one input `x` float32[2, 3, 4] and one output `y`. */
function operatorsOf(write: Write): readonly string[] {
  return optimizeGraph(written(write)).nodes.map(({ opType }) => opType);
}

function written(write: Write): Graph {
  const g = new GraphBuilder("test");
  g.output("y", write(g, g.input("x", "float32", [2, 3, 4])), "float32", ["any"]);
  return g.build();
}

const transpose = (g: GraphBuilder, x: string, ...order: readonly number[]): string =>
  g.op("Transpose", [x], { attributes: { perm: ints(order) } });
const reverse = (g: GraphBuilder, x: string): string => g.op("Transpose", [x]);
const reshape = (g: GraphBuilder, x: string, ...sizes: readonly number[]): string =>
  g.op("Reshape", [x, g.ints(sizes)]);
const cast = (g: GraphBuilder, x: string, to: number): string =>
  g.op("Cast", [x], { attributes: { to: int(to) } });

describe(optimizeGraph, () => {
  test("keeps an Identity where no name can be given: an input or weight as output, or one value as two outputs", () => {
    expect(operatorsOf((_, x) => x)).toEqual(["Identity"]);
    expect(operatorsOf((g) => g.constant("float32", [1], [1]))).toEqual(["Identity"]);
    const g = new GraphBuilder("twice");
    const value = g.op("Neg", [g.input("x", "float32", [])]);
    for (const name of ["a", "b"]) g.output(name, value, "float32", []);
    const graph = optimizeGraph(g.build());
    expect(graph.nodes.map(({ inputs, outputs }) => [...inputs, ...outputs])).toEqual([
      ["x", "a"],
      ["a", "b"],
    ]);
    expect(graph.outputs.map(({ name }) => name)).toEqual(["a", "b"]);
  });

  test("drops nodes and initializers that no output needs, and keeps unused inputs", () => {
    const g = new GraphBuilder("dead");
    const x = g.input("x", "float32", []);
    g.input("unused", "float32", []);
    g.op("Add", [g.op("Neg", [x]), g.initializer("w", "float32", [], Float32Array.of(1))]);
    g.output("y", g.op("Exp", [x]), "float32", []);
    const dead = g.build();
    const graph = optimizeGraph(dead);
    expect(graph.nodes.map(({ opType }) => opType)).toEqual(["Exp"]);
    expect([...graph.initializers.keys()]).toEqual([]);
    expect(graph.inputs.map(({ name }) => name)).toEqual(["x", "unused"]);
    // The default of an input.
    const inputs = [...dead.inputs, { name: "w", dtype: "float32", shape: [] } as const];
    expect([...optimizeGraph({ ...dead, inputs }).initializers.keys()]).toEqual(["w"]);
  });

  test("computes equal expressions once, all the way down", () => {
    expect(
      operatorsOf((g, x) => g.op("Add", [g.op("Exp", [g.op("Neg", [x])]), g.op("Exp", [g.op("Neg", [x])])])),
    ).toEqual(["Neg", "Exp", "Add"]);
  });

  test.each<[string, Write]>([
    [
      "attributes",
      (g, x) =>
        g.op("Add", [
          g.op("Elu", [x], { attributes: { alpha: float(0) } }),
          g.op("Elu", [x], { attributes: { alpha: float(-0) } }),
        ]),
    ],
    ["domains", (g, x) => g.op("Add", [g.op("Gelu", [x]), g.op("Gelu", [x], { domain: "com.microsoft" })])],
    ["draws", (g, x) => g.op("Add", [g.op("RandomNormalLike", [x]), g.op("RandomNormalLike", [x])])],
    [
      "outputs present",
      (g, x) => g.op("Add", [g.op("TopK", [x, x]), g.node("TopK", [x, x], { outputs: ["", "i"] })[1]!]),
    ],
  ])("never merges nodes of different %s", (_, write) => {
    expect(operatorsOf(write)).toHaveLength(3);
  });

  test.each<[string, Write, readonly string[]]>([
    ["a transpose that moves nothing", (g, x) => g.op("Neg", [transpose(g, x, 0, 1, 2)]), ["Neg"]],
    ["undone transposes", (g, x) => g.op("Neg", [transpose(g, transpose(g, x, 1, 2, 0), 2, 0, 1)]), ["Neg"]],
    ["a transpose of a transpose", (g, x) => transpose(g, transpose(g, x, 1, 2, 0), 1, 2, 0), ["Transpose"]],
    ["no transpose without order", (g, x) => reverse(g, reverse(g, x)), ["Transpose", "Transpose"]],
    ["a reshape of a reshape", (g, x) => reshape(g, reshape(g, x, 6, 4), 3, -1), ["Reshape"]],
    ["a reshape to the shape an input has", (g, x) => g.op("Neg", [reshape(g, x, 2, 3, 4)]), ["Neg"]],
    ["a reshape there and back", (g, x) => g.op("Neg", [reshape(g, reshape(g, x, 24), 2, 3, 4)]), ["Neg"]],
    [
      "no reshape to a computed shape",
      (g, x) => g.op("Reshape", [x, g.op("Shape", [x])]),
      ["Shape", "Reshape"],
    ],
    ["a cast to the type a value has", (g, x) => g.op("Neg", [cast(g, x, 1)]), ["Neg"]],
    ["a cast repeated after Neg", (g, x) => cast(g, g.op("Neg", [cast(g, x, 10)]), 10), ["Cast", "Neg"]],
    ["no cast there and back, which rounds", (g, x) => cast(g, cast(g, x, 10), 1), ["Cast", "Cast"]],
    ["no cast of an unknown type", (g, x) => cast(g, g.op("Unheard", [x]), 1), ["Unheard", "Cast"]],
  ])("removes %s", (_, write, left) => {
    expect(operatorsOf(write)).toEqual(left);
  });

  test("does not treat an initializer that an input can override as a constant", () => {
    const graph = written((g, x) =>
      g.op("Neg", [g.op("Reshape", [x, g.initializer("s", "int64", [3], BigInt64Array.of(2n, 3n, 4n))])]),
    );
    const inputs = [...graph.inputs, { name: "s", dtype: "int64", shape: [3] } as const];
    expect(optimizeGraph(graph).nodes).toHaveLength(1);
    expect(optimizeGraph({ ...graph, inputs }).nodes).toHaveLength(2);
  });
});
