/** Tests weights inside bodies, and bodies that read weights of the outer graph. */
import type { WeightFormat } from "@slm/devices";
import {
  checkGraph,
  decodeModel,
  encodeModel,
  GraphBuilder,
  int,
  subgraph,
  type Graph,
  type GraphNode,
  type Subgraph,
} from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { quantizeGraph, type QuantizedGraph } from "./quantize-graph.js";
import { scopesOf } from "./scopes.js";

const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, at) => Math.sin(at));
const bytes = (numbers: Float32Array): Uint8Array => new Uint8Array(numbers.buffer);

const quantize = (graph: Graph, format: WeightFormat = "int4-block"): Promise<QuantizedGraph> =>
  quantizeGraph(graph, { format, weights: { blockSize: 32 }, reduceRange: false });

const node = (opType: string, inputs: string[], output: string, attributes = {}): GraphNode => ({
  name: `${output}/node`,
  opType,
  domain: "",
  inputs,
  outputs: [output],
  attributes,
});

const bodyOf = (nodes: readonly GraphNode[], output: string, own: readonly string[] = []): Subgraph => ({
  name: "body",
  nodes,
  inputs: [],
  outputs: [{ name: output }],
  initializers: new Map(
    own.map((name) => [name, { name, dtype: "float32", shape: [32, 32], data: bytes(values(1024)) }]),
  ),
});

/** An `If` over `x` [rows, 32]; `w` [32, 32] is in the outer graph, which also multiplies by it if `isShared`. */
function graphOf(then: Subgraph, isShared = false): Graph {
  const g = new GraphBuilder("branches");
  g.input("x", "float32", ["rows", 32]);
  g.input("ids", "int64", ["rows"]);
  const w = g.initializer("w", "float32", [32, 32], values(1024));
  const attributes = {
    then_branch: subgraph(then),
    else_branch: subgraph(bodyOf([node("Neg", ["x"], "n")], "n")),
  };
  const chosen = g.op("If", [g.input("c", "bool", [])], { attributes, name: "choose" });
  g.output("y", isShared ? g.op("MatMul", [chosen, w]) : chosen, "float32", ["rows", 32]);
  return g.build();
}

const operators = (graph: Graph): readonly (readonly string[])[] =>
  scopesOf(graph).map(({ body }) => body.nodes.map(({ opType }) => opType));

describe("a body", () => {
  test("is quantized, with its own weights and weights of the outer graph", async () => {
    const then = bodyOf([node("MatMul", ["x", "w"], "a"), node("MatMul", ["a", "own"], "b")], "b", ["own"]);
    const { graph, nodes, skipped } = await quantize(graphOf(then));
    expect(operators(graph)[1]).toEqual(["MatMulNBits", "MatMulNBits"]);
    expect(nodes.map(({ name, weight }) => [name, weight])).toEqual([
      ["/choose > a/node", "w"],
      ["/choose > b/node", "own"],
    ]);
    expect(skipped).toEqual([]);
    expect(scopesOf(graph).flatMap(({ body }) => [...body.initializers.keys()])).not.toContain("own");
    checkGraph(graph);
    expect(decodeModel(encodeModel(graph))).toEqual(graph);
  });

  test("shares the quantized form of a weight with the graph around it", async () => {
    const { graph } = await quantize(
      graphOf(bodyOf([node("MatMul", ["x", "w"], "a")], "a"), true),
      "int8-dynamic",
    );
    expect([...graph.initializers.keys()]).toEqual(["w.int8", "w.scales"]);
  });

  test("keeps a weight around it that it reads in another way", async () => {
    const { graph, nodes, skipped } = await quantize(
      graphOf(bodyOf([node("Add", ["x", "w"], "a")], "a"), true),
    );
    expect(nodes).toHaveLength(1);
    expect([...graph.initializers.keys()]).toContain("w");
    expect(skipped).toEqual([{ name: "w", reason: "read by Add, which needs float32" }]);
  });

  test("does not confuse its own value with an outer weight of the same name", async () => {
    const hidden = bodyOf([node("Neg", ["x"], "w2"), node("MatMul", ["x", "w2"], "a")], "a");
    const graph = graphOf(hidden);
    const own = graph.initializers.get("w")!;
    const both: Graph = {
      ...graph,
      initializers: new Map([...graph.initializers, ["w2", { ...own, name: "w2" }]]),
    };
    await expect(quantize(both)).resolves.toMatchObject({ nodes: [] });
  });

  test("keeps the names it gives: what is added is called otherwise", async () => {
    const taken = [node("MatMul", ["x", "w"], "w.int4"), node("Neg", ["w.int4"], "w.scales")];
    const { graph } = await quantize(graphOf(bodyOf(taken, "w.scales")));
    expect([...graph.initializers.keys()]).toEqual(["w.scales_1", "w.zeros", "w.int4_1"]);
    checkGraph(graph);
  });

  test("goes into bodies of bodies, and rejects one that is quantized already", async () => {
    const inner = bodyOf([node("MatMul", ["x", "w"], "a")], "a");
    const outer = bodyOf(
      [node("If", ["c"], "o", { then_branch: subgraph(inner), else_branch: subgraph(inner) })],
      "o",
    );
    const { graph, nodes } = await quantize(graphOf(outer));
    expect(nodes.map(({ name }) => name)).toEqual(["/choose > o/node > a/node", "/choose > o/node > a/node"]);
    await expect(quantize(graph)).rejects.toMatchObject({ code: "DATA_INVALID", message: /MatMulNBits/ });
  });

  test("gives tables 8 bits where other weights get 4", async () => {
    const rows = node("Gather", ["w", "ids"], "rows", { axis: int(0) });
    const products = [node("MatMul", ["rows", "w"], "a"), node("MatMul", ["a", "own"], "b")];
    const { nodes } = await quantize(graphOf(bodyOf([rows, ...products], "b", ["own"])));
    expect(nodes.map(({ scheme }) => scheme)).toEqual(["int8-block", "int8-block", "int4-block"]);
  });
});
