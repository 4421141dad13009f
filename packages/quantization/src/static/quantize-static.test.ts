import { GraphBuilder, attributeOf, int, type Graph, type GraphNode } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import type { ValueRange } from "../calibration/collect.js";
import { planGraph, type GraphPlanOptions } from "./plan-graph.js";
import {
  quantizeWithRanges,
  valuesToCalibrate,
  type StaticOptions,
  type StaticResult,
} from "./quantize-static.js";

const values = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(at + 1));

const TOOL: StaticOptions = { coverage: "tool", activations: "uint8", weights: "int8" };

/** Quantizes with ranges of -1..3 for every activation except the named ones. */
function quantize(
  graph: Graph,
  options: Partial<StaticOptions> = {},
  known: Readonly<Record<string, ValueRange>> = {},
): StaticResult {
  const all = { ...TOOL, ...options };
  const plan = planGraph(graph, all);
  const ranges = new Map(
    [...valuesToCalibrate(plan)].map((name) => [name, known[name] ?? { low: -1, high: 3 }] as const),
  );
  return quantizeWithRanges(plan, ranges, all);
}

const named = ({ nodes }: Graph, name: string): GraphNode => nodes.find((node) => node.name === name)!;
const kinds = ({ nodes }: Graph): string[] => nodes.map(({ opType }) => opType);

/** x [rows, 4] times w [4, 3] (+ b) by Gemm, followed by the nodes of `body`. */
function gemmGraph(body: (g: GraphBuilder, y: string) => string = (_g, y) => y, opset = 21): Graph {
  const g = new GraphBuilder("gemm", { opset });
  const x = g.input("x", "float32", ["rows", 4]);
  const w = g.initializer("w", "float32", [3, 4], values(12));
  const b = g.initializer("b", "float32", [3], values(3));
  const y = g.op("Gemm", [x, w, b], { attributes: { transB: int(1) } });
  g.output("y", body(g, y), "float32", ["rows", 3]);
  return g.build();
}

describe("quantizeWithRanges", () => {
  test("wraps a Gemm as onnxruntime's tool does: pairs, a weight per channel, a bias in int32", () => {
    const { graph, parameters } = quantize(gemmGraph());
    const weight = named(graph, "w_DequantizeLinear");
    expect(weight.inputs).toEqual(["w_quantized", "w_scale", "w_zero_point"]);
    expect(attributeOf(weight, "axis", "int")).toBe(0);
    expect(graph.initializers.get("w_quantized")).toMatchObject({ dtype: "int8", shape: [3, 4] });
    const scales = parameters.get("w")!.parameters.map(({ scale }) => scale);
    const bias = named(graph, "b_DequantizeLinear");
    expect(bias.inputs).toEqual(["b_quantized", "b_quantized_scale", "b_quantized_zero_point"]);
    const stored = new Float32Array(graph.initializers.get("b_quantized_scale")!.data.buffer);
    const inputScale = parameters.get("x")!.parameters[0]!.scale;
    expect([...stored]).toEqual(scales.map((scale) => Math.fround(inputScale * scale)));
    expect(named(graph, "x_QuantizeLinear").inputs).toEqual(["x", "x_scale", "x_zero_point"]);
    expect(graph.initializers.has("w")).toBe(false);
    expect(graph.initializers.has("b")).toBe(false);
  });

  test("a graph output keeps its name, and its producer writes another value", () => {
    const { graph } = quantize(
      gemmGraph((g, y) => g.op("Mul", [y, y], { name: "square" })),
      {},
    );
    expect(graph.outputs.map(({ name }) => name)).toEqual(["y"]);
    expect(graph.nodes.filter(({ outputs }) => outputs.includes("y"))).toHaveLength(1);
  });

  test("removes a Relu if no other node reads its input", () => {
    const alone = quantize(gemmGraph((g, y) => g.op("Relu", [y])));
    expect(kinds(alone.graph)).not.toContain("Relu");
    const shared = quantize(gemmGraph((g, y) => g.op("Add", [y, g.op("Relu", [y])])));
    expect(kinds(shared.graph)).toContain("Relu");
  });

  test("moves numbers without new parameters: a Transpose shares those of its input", () => {
    const { graph, parameters } = quantize(
      gemmGraph((g, y) => g.op("Transpose", [g.op("Transpose", [y], { name: "t" })])),
    );
    const transposed = named(graph, "/t").outputs[0]!;
    const gemm = graph.nodes.find(({ opType }) => opType === "Gemm")!.outputs[0]!;
    expect(parameters.get(transposed)).toBe(parameters.get(gemm));
    expect([...graph.initializers.keys()].filter((name) => name.endsWith("_scale"))).toHaveLength(4);
  });

  test("always uses the range 0..1 for Softmax", () => {
    const { graph, parameters } = quantize(gemmGraph((g, y) => g.op("Softmax", [y], { name: "s" })));
    const output = named(graph, "/s").outputs[0]!.replace("_QuantizeLinear_Input", "");
    expect(parameters.get(output)!.parameters).toEqual([{ scale: Math.fround(1 / 255), zero: 0 }]);
  });

  test("uses the operators of domain com.microsoft for 16 and 4 bits below opset 21 only", () => {
    const wide = { activations: "uint16", weights: "int4" } as const;
    const domains = (graph: Graph): Set<string> =>
      new Set(graph.nodes.filter(({ opType }) => opType.endsWith("Linear")).map(({ domain }) => domain));
    const old = quantize(gemmGraph(undefined, 17), wide).graph;
    // The bias is int32, which ONNX's own operator has always supported.
    expect(domains(old)).toEqual(new Set(["com.microsoft", ""]));
    expect(domains(quantize(gemmGraph(), wide).graph)).toEqual(new Set([""]));
    expect(domains(quantize(gemmGraph(undefined, 17)).graph)).toEqual(new Set([""]));
    expect(old.initializers.get("w_quantized")).toMatchObject({ dtype: "int4", data: { byteLength: 6 } });
  });

  test("does not change excluded nodes, operators without a rule, and normalizations", () => {
    const graph = gemmGraph((g, y) => {
      const scale = g.initializer("gamma", "float32", [3], values(3));
      return g.op("LayerNormalization", [g.op("Erf", [y], { name: "erf" }), scale], { name: "norm" });
    });
    const { graph: result } = quantize(graph);
    expect(named(result, "/norm").inputs[1]).toBe("gamma");
    expect(named(result, "/erf").inputs[0]).toMatch(/DequantizeLinear_Output$/); // the output of Gemm
    const gemm = graph.nodes.find(({ opType }) => opType === "Gemm")!.name;
    const options: GraphPlanOptions = { coverage: "tool", exclude: new Set([gemm]) };
    expect(planGraph(graph, options).tensors.size).toBe(0);
  });

  test("raises the scale of a weight that is too small for its bias in int32", () => {
    const g = new GraphBuilder("small");
    const x = g.input("x", "float32", ["rows", 2]);
    const w = g.initializer("w", "float32", [2, 1], Float32Array.of(1e-9, 2e-9));
    const b = g.initializer("b", "float32", [1], Float32Array.of(100));
    g.output("y", g.op("Gemm", [x, w, b]), "float32", ["rows", 1]);
    const { graph, parameters } = quantize(g.build());
    expect(parameters.get("w")!.parameters[0]!.scale).toBeGreaterThan(2e-9 / 127);
    const [code] = new Int32Array(graph.initializers.get("b_quantized")!.data.buffer);
    expect(code).toBeGreaterThan(2 ** 30);
    expect(code).toBeLessThan(2 ** 31 - 1);
  });

  test("shares one table between embedding and head; the head decides its format", () => {
    const g = new GraphBuilder("tied");
    const table = g.initializer("table", "float32", [10, 4], values(40));
    const rows = g.op("Gather", [table, g.input("ids", "int64", ["n"])]);
    const head = { domain: "com.microsoft", attributes: { transB: int(1) } };
    g.output("logits", g.op("FusedMatMul", [rows, table], head), "float32", ["n", 10]);
    const { graph } = quantize(g.build(), { coverage: "standard" });
    const codes = [...graph.initializers.keys()].filter((name) => name.endsWith("_quantized"));
    expect(codes).toEqual(["table_quantized"]);
    expect(attributeOf(named(graph, "table_DequantizeLinear"), "axis", "int")).toBe(0);
  });
});

/** scores = q k; Softmax(scores + mask), as in attention. */
function attentionGraph(): Graph {
  const g = new GraphBuilder("attention");
  const q = g.input("q", "float32", [1, 4, 8]);
  const k = g.input("k", "float32", [1, 8, 6]);
  const mask = g.input("mask", "float32", [1, 1, 6]);
  const scores = g.op("MatMul", [q, k], { name: "scores" });
  const masked = g.op("Add", [scores, mask], { name: "masked" });
  g.output("shares", g.op("Softmax", [masked], { name: "shares" }), "float32", [1, 4, 6]);
  return g.build();
}

describe("masks before Softmax", () => {
  test("stay float32 on a CPU", () => {
    const { graph } = quantize(attentionGraph(), { coverage: "standard" });
    expect(named(graph, "/masked").inputs[1]).toBe("mask");
  });
});

test("the range of a mask in two layers covers the layer with the widest scores", () => {
  const g = new GraphBuilder("layers");
  const mask = g.input("mask", "float32", [1, 1, 6]);
  const shares = ["wide", "narrow"].map((layer) => {
    const q = g.input(`${layer}.q`, "float32", [1, 4, 8]);
    const k = g.input(`${layer}.k`, "float32", [1, 8, 6]);
    return g.op("Softmax", [g.op("Add", [g.op("MatMul", [q, k], { name: layer }), mask])]);
  });
  g.output("shares", g.op("Add", shares), "float32", [1, 4, 6]);
  const graph = g.build();
  const [wide, narrow] = ["/wide", "/narrow"].map((name) => named(graph, name).outputs[0]!);
  const seen = { [wide!]: { low: -40, high: 40 }, [narrow!]: { low: -1, high: 1 } };
  const { parameters } = quantize(graph, { coverage: "all", activations: "uint16" }, seen);
  // From -(40 - -40) - 20 to the calibrated 3.
  expect(parameters.get("mask")!.parameters[0]!.scale).toBeCloseTo(103 / 65535, 9);
});

test("on an integer-only device, the inputs of Concat share a range", () => {
  const g = new GraphBuilder("cache");
  const past = g.input("past", "float32", [2, 3]);
  const now = g.input("now", "float32", [1, 3]);
  g.output("present", g.op("Concat", [past, now], { attributes: { axis: int(0) } }), "float32", [3, 3]);
  const seen = { past: { low: 0, high: 0 }, now: { low: -2, high: 5 } };
  const { parameters } = quantize(g.build(), { coverage: "all" }, seen);
  expect(parameters.get("past")!.parameters).toEqual(parameters.get("now")!.parameters);
});
