import { withCode } from "@slm/core/testing";
import { decodeModel, encodeModel, GraphBuilder, int, readOnnx, subgraph, type Graph } from "@slm/onnx";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { withFixedSizes } from "./fixed-sizes.js";

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/${name}.onnx`, import.meta.url));

const F = "float32" as const;

const fix = (graph: Graph, sizes: Readonly<Record<string, readonly number[]>>): Graph =>
  withFixedSizes(
    graph,
    Object.entries(sizes).map(([name, list]) => ({ name, sizes: list })),
  );

/** Rows of `x` times a weight, twice as long. `y` declares only its rank. */
function product(): Graph {
  const g = new GraphBuilder("product");
  const x = g.input("x", "float32", ["", 2]);
  const w = g.initializer("w", "float32", [2, 3], new Float32Array(6));
  const joined = g.op("Concat", [x, x], { attributes: { axis: int(0) } });
  g.output("y", g.op("MatMul", [joined, w]), "float32", ["rows", ""]);
  return g.build();
}

describe(withFixedSizes, () => {
  test("writes the sizes that follow into outputs and noted values", () => {
    const graph = product();
    const [{ outputs: joined } = { outputs: [] }] = graph.nodes;
    const values = new Map([[joined[0]!, { name: joined[0]!, shape: ["", 2] }]]);
    const fixed = fix({ ...graph, values }, { x: [5, 2] });
    expect(fixed.inputs[0]!.shape).toEqual([5, 2]);
    expect(fixed.outputs[0]!.shape).toEqual([10, 3]);
    expect(fixed.values!.get(joined[0]!)!.shape).toEqual([10, 2]);
    expect(fixed.nodes).toEqual(graph.nodes);
  });

  test("corrects what a file says wrongly once its inputs are fixed", () => {
    const graph = product();
    const wrong: Graph = { ...graph, outputs: [{ name: "y", dtype: "float32", shape: [2, 3] }] };
    expect(fix(wrong, { x: [4, 2] }).outputs[0]!.shape).toEqual([8, 3]);
  });

  test("gives an output without a rank one where all its sizes are known", () => {
    const graph = product();
    const open: Graph = { ...graph, outputs: [{ name: "y", dtype: "float32" }] };
    expect(fix(open, { x: [4, 2] }).outputs[0]!.shape).toEqual([8, 3]);
  });

  test("reaches the types of bodies", () => {
    const g = new GraphBuilder("branches");
    const x = g.input("x", "float32", ["n", 2]);
    const body = g.branch("then", () => g.op("Neg", [x]));
    const typed = {
      ...body,
      outputs: body.outputs.map(({ name }) => ({ name, dtype: F, shape: ["n", ""] as const })),
    };
    const attributes = { then_branch: subgraph(typed), else_branch: subgraph(typed) };
    g.output("y", g.op("If", [g.input("c", "bool", [])], { attributes }), "float32", ["n", 2]);
    const fixed = fix(g.build(), { n: [7] });
    const inside = fixed.nodes[0]!.attributes.then_branch;
    expect(inside?.kind === "graph" && inside.value.outputs[0]!.shape).toEqual([7, 2]);
    expect(fixed.outputs[0]!.shape).toEqual([7, 2]);
    expect(decodeModel(encodeModel(fixed))).toEqual(fixed);
  });

  test("gives a model of symbols the sizes that another exporter's has", async () => {
    const [free, fixed] = await Promise.all(
      [fixture("bert-block"), fixture("bert-block-static")].map((path) => readOnnx(path)),
    );
    const sizes = Object.fromEntries(fixed!.inputs.map(({ name, shape }) => [name, shape as number[]]));
    const result = fix(free!, sizes);
    expect(result.inputs).toEqual(fixed!.inputs);
    // The other exporter could not infer the first size.
    expect(fixed!.outputs.map(({ shape }) => shape)).toEqual([["unk__1", 7, 12]]);
    expect(result.outputs.map(({ shape }) => shape)).toEqual([[1, 7, 12]]);
  });

  test("rejects sizes that the model cannot have, naming the node", () => {
    const g = new GraphBuilder("reshape");
    const x = g.input("x", "float32", ["n", 3]);
    g.output("y", g.op("Reshape", [x, g.ints([2, 6])], { name: "pairs" }), "float32", [2, 6]);
    const graph = g.build();
    expect(fix(graph, { n: [4] }).outputs[0]!.shape).toEqual([2, 6]);
    expect(() => fix(graph, { n: [5] })).toThrow(withCode("SHAPE_MISMATCH"));
    expect(() => fix(graph, { n: [5] })).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
