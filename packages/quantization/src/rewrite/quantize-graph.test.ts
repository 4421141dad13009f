import type { WeightFormat } from "@slm/devices";
import { GraphBuilder, float, int, type AttributeValue, type Graph, type GraphNode } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { quantizeGraph, type QuantizedGraph } from "./quantize-graph.js";

const values = (count: number): Float32Array => Float32Array.from({ length: count }, (_, at) => Math.sin(at));

const quantize = (graph: Graph, format: WeightFormat = "int4-block"): Promise<QuantizedGraph> =>
  quantizeGraph(graph, { format, weights: { blockSize: 32 }, reduceRange: false });

const FORMATS = ["int4-block", "int8-dynamic"] as const;

const operators = (nodes: readonly GraphNode[]): string[] => nodes.map(({ opType }) => opType);

interface Site {
  readonly g: GraphBuilder;
  readonly x: string;
  readonly w: string;
}

/** A graph over an input `x` [rows, 32] and a weight `w` [32, 32]. */
function graphOf(body: (site: Site) => string): Graph {
  const g = new GraphBuilder("test");
  const x = g.input("x", "float32", ["rows", 32]);
  const w = g.initializer("w", "float32", [32, 32], values(1024));
  g.output("y", body({ g, x, w }), "float32", ["rows", 32]);
  return g.build();
}

describe(quantizeGraph, () => {
  test.each(FORMATS)("moves a bias into the quantized node: %s", async (format) => {
    const graph = graphOf(({ g, x, w }) => {
      const b = g.initializer("b", "float32", [32], values(32));
      return g.op("Add", [b, g.op("MatMul", [x, w], { name: "project" })]);
    });
    const { graph: result, nodes } = await quantize(graph, format);
    expect(operators(result.nodes)).toHaveLength(2); // and the Identity that names the output
    expect(result.nodes[0]!.inputs.at(-1)).toBe("b");
    expect(result.nodes[0]!.name).toBe("/project");
    expect(nodes).toEqual([
      { name: "/project", weight: "w", scheme: format, relativeError: expect.any(Number) as number },
    ]);
  });

  test("does not replace an Add if another node reads its product", async () => {
    const graph = graphOf(({ g, x, w }) => {
      const product = g.op("MatMul", [x, w]);
      const sum = g.op("Add", [product, g.initializer("b", "float32", [32], values(32))]);
      return g.op("Mul", [product, sum]);
    });
    expect(operators((await quantize(graph)).graph.nodes)).toEqual(["MatMulNBits", "Add", "Mul", "Identity"]);
  });

  test("leaves an Add alone that is no bias: a residual, a scalar", async () => {
    for (const shape of [[1], [1, 32]]) {
      const graph = graphOf(({ g, x, w }) =>
        g.op("Add", [g.op("MatMul", [x, w]), g.initializer("b", "float32", shape, values(shape.at(-1)!))]),
      );
      expect(operators((await quantize(graph)).graph.nodes)).toContain("Add");
    }
    const residual = graphOf(({ g, x, w }) => g.op("Add", [g.op("MatMul", [x, w]), x]));
    expect(operators((await quantize(residual)).graph.nodes)).toContain("Add");
  });

  test.each([
    ["int4-block", ["w.scales", "w.zeros", "w.int4"]],
    ["int8-dynamic", ["w.int8", "w.scales"]],
  ] as const)("quantizes a weight once that two nodes read: %s", async (format, names) => {
    const graph = graphOf(({ g, x, w }) => g.op("MatMul", [g.op("MatMul", [x, w]), w]));
    const { graph: result, nodes } = await quantize(graph, format);
    expect(nodes).toHaveLength(2);
    expect([...result.initializers.keys()]).toEqual(names);
  });

  test("gives the shared table of embedding and head the very same bytes under both names", async () => {
    const g = new GraphBuilder("tied");
    const table = g.initializer("table", "float32", [50, 32], values(1600));
    const rows = g.op("Gather", [table, g.input("ids", "int64", ["batch"])]);
    const logits = g.op("FusedMatMul", [rows, table], {
      domain: "com.microsoft",
      attributes: { transB: int(1) },
    });
    g.output("logits", logits, "float32", ["batch", 50]);
    const { graph } = await quantize(g.build());
    const codes = [...graph.initializers.values()].filter(({ name }) => name.includes(".int4"));
    expect(codes.map(({ shape }) => shape)).toEqual([
      [50, 1, 16],
      [50, 16],
    ]);
    expect(codes[0]!.data).toBe(codes[1]!.data);
    expect(graph.initializers.get("table.zeros")).toMatchObject({ dtype: "uint8", shape: [50, 1] });
    for (const { inputs } of graph.nodes.slice(0, 2)) {
      expect(inputs.slice(2)).toEqual(["table.scales", "table.zeros"]);
    }
  });

  const rejected: readonly (readonly [string, RegExp, Readonly<Record<string, AttributeValue>>])[] = [
    ["a factor", /alpha/, { alpha: float(0.5) }],
    ["a transposed input", /transA/, { transA: int(1) }],
  ];
  test.each(rejected)("skips a product with %s and says so", async (_, reason, attributes) => {
    const graph = graphOf(({ g, x, w }) =>
      g.op("FusedMatMul", [x, w], { domain: "com.microsoft", attributes }),
    );
    const { graph: result, nodes, skipped } = await quantize(graph);
    expect(nodes).toEqual([]);
    expect(skipped).toEqual([{ name: "w", reason: expect.stringMatching(reason) as string }]);
    expect(result.initializers.get("w")).toEqual(graph.initializers.get("w"));
  });

  test("keeps a weight that a caller may override", async () => {
    const graph = graphOf(({ g, x, w }) => g.op("MatMul", [x, w]));
    const overridable = {
      ...graph,
      inputs: [...graph.inputs, { name: "w", dtype: "float32", shape: [32, 32] }],
    } as const;
    const { nodes, graph: result } = await quantize(overridable);
    expect(nodes).toEqual([]);
    expect(result.initializers.has("w")).toBe(true);
  });

  test.each([Number.NaN, -Infinity])("leaves a weight with %s as it is, and says why", async (value) => {
    const graph = graphOf(({ g, x, w }) => {
      const numbers = values(1024);
      numbers[2] = value;
      const mask = g.initializer("mask", "float32", [32, 32], numbers);
      return g.op("MatMul", [g.op("MatMul", [x, w]), mask]);
    });
    for (const format of FORMATS) {
      const { graph: result, nodes, skipped } = await quantize(graph, format);
      expect(nodes.map(({ weight }) => weight)).toEqual(["w"]);
      expect(result.initializers.get("mask")).toEqual(graph.initializers.get("mask"));
      expect(skipped).toEqual([
        { name: "mask", reason: `it contains ${value} (element 2), which integers cannot represent` },
      ]);
    }
  });

  const tableGraph = graphOf(({ g, x, w }) => {
    const table = g.initializer("table", "float32", [32, 40], values(1280));
    g.output("rows", g.op("Gather", [table, g.input("ids", "int64", [32])]), "float32", [32, 40]);
    return g.op("MatMul", [x, w]);
  });

  test("does not quantize tables to 2 bits", async () => {
    const { nodes, skipped } = await quantize(tableGraph, "int2-block");
    expect(nodes.map(({ weight, scheme }) => `${weight} ${scheme}`)).toEqual(["w int2-block"]);
    expect(skipped).toEqual([
      { name: "table", reason: "an embedding table needs at least 4 bits per weight, not int2-block" },
    ]);
  });

  test("does not quantize tables if the opset has no operators for their rows", async () => {
    const at = (opset: number, format: WeightFormat): Promise<QuantizedGraph> =>
      quantize({ ...tableGraph, opsets: { "": opset } }, format);
    for (const [opset, format, least] of [
      [9, "int4-block", 10],
      [6, "int8-dynamic", 7],
    ] as const) {
      const { nodes, skipped } = await at(opset, format);
      expect(nodes.map(({ weight }) => weight)).toEqual(["w"]);
      const reason = `embedding rows in ${format} need opset ${least}, the model has ${opset}`;
      expect(skipped).toEqual([{ name: "table", reason }]);
      const later = await at(least, format);
      expect(later.nodes.map(({ weight }) => weight)).toEqual(["table", "w"]);
    }
  });
});
