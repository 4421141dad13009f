import { GraphBuilder, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { float32sOf } from "../weights/float-bytes.js";
import { findSmoothGroups, smoothGraph } from "./smooth-quant.js";

const values = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(at + 1));

/** Ways to write norm(x) * gamma. */
const NORMS = {
  "one operator": (g: GraphBuilder, x: string, gamma: string) =>
    g.op("SimplifiedLayerNormalization", [x, gamma]),
  "operators that end in the gain": (g: GraphBuilder, x: string, gamma: string) =>
    g.op("Mul", [g.op("Div", [x, g.op("Sqrt", [g.op("ReduceMean", [g.op("Mul", [x, x])])])]), gamma]),
  "operators that begin with the gain": (g: GraphBuilder, x: string, gamma: string) =>
    g.op("Mul", [gamma, g.op("Abs", [x])]),
} as const;
type Norm = keyof typeof NORMS;

/** norm(x) * gamma into two products. */
function graph(alsoRead = false, norm: Norm = "one operator", channels = 4): Graph {
  const g = new GraphBuilder("norm");
  const x = g.input("x", "float32", ["rows", 4]);
  const gamma = g.initializer("gamma", "float32", [channels], values(channels));
  const normal = NORMS[norm](g, x, gamma);
  const products = ["a", "b"].map((name) =>
    g.op("MatMul", [normal, g.initializer(name, "float32", [4, 3], values(12))]),
  );
  const sum = g.op("Add", products);
  g.output("y", sum, "float32", ["rows", 3]);
  if (alsoRead) g.output("z", g.op("Abs", [normal]), "float32", ["rows", 4]);
  return g.build();
}

describe(smoothGraph, () => {
  const peaks = Float64Array.of(100, 1, 4, 0.01);

  test.each(Object.keys(NORMS) as Norm[])("in %s keeps gamma(k) W(k, n) while peaks come closer", (norm) => {
    const original = graph(false, norm);
    const groups = findSmoothGroups(original);
    expect(groups).toHaveLength(1);
    const smooth = smoothGraph(original, groups, new Map([[groups[0]!.value, peaks]]), 0.5);
    const of = (from: Graph, name: string): Float32Array => float32sOf(from.initializers.get(name)!);
    for (const name of ["a", "b"]) {
      of(smooth, name).forEach((value, at) => {
        const k = Math.floor(at / 3);
        const before = of(original, "gamma")[k]! * of(original, name)[at]!;
        expect(of(smooth, "gamma")[k]! * value).toBeCloseTo(before, 5);
      });
    }
    const scales = [...of(original, "gamma")].map((value, at) => value / of(smooth, "gamma")[at]!);
    const largest = Math.max(...[0, 1, 2].map((at) => Math.abs(of(original, "a")[at]!)));
    expect(scales[0]).toBeCloseTo(Math.sqrt(100 / largest), 3);
    expect(of(original, "gamma")).toEqual(values(4)); // the graph given is not changed
  });

  test("leaves a norm alone that something else reads", () => {
    expect(findSmoothGroups(graph(true))).toEqual([]);
  });

  test("leaves one factor for all channels alone", () => {
    expect(findSmoothGroups(graph(false, "operators that end in the gain", 1))).toEqual([]);
  });

  test("rejects an alpha outside 0..1", () => {
    expect(() => smoothGraph(graph(), [], new Map(), 1.5)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });
});
