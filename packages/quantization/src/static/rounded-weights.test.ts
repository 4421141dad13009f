import { GraphBuilder, int, type Graph } from "@slm/onnx";
import { describe, expect, test } from "vitest";
import { float32sOf } from "../weights/float-bytes.js";
import type { Gram } from "../weights/quantize-blocks.js";
import { planGraph } from "./plan-graph.js";
import {
  quantizeWithRanges,
  valuesToCalibrate,
  type StaticOptions,
  type StaticResult,
} from "./quantize-static.js";
import { roundWeights } from "./rounded-weights.js";

const SETTINGS = { coverage: "standard" } as const;
const TYPES = { ...SETTINGS, activations: "uint16", weights: "int4" } as const satisfies StaticOptions;

/** y = x w, with w stored inputs first or outputs first. */
function product(values: Float32Array, inputs: number, transposed = false): Graph {
  const outputs = values.length / inputs;
  const g = new GraphBuilder("product", { opset: 21 });
  const x = g.input("x", "float32", ["rows", inputs]);
  const shape = transposed ? [outputs, inputs] : [inputs, outputs];
  const w = g.initializer("w", "float32", shape, values);
  const y = transposed
    ? g.op("FusedMatMul", [x, w], { domain: "com.microsoft", attributes: { transB: int(1) } })
    : g.op("MatMul", [x, w]);
  g.output("y", y, "float32", ["rows", outputs]);
  return g.build();
}

/** A table that is both looked up and multiplied. */
function tied(): Graph {
  const g = new GraphBuilder("tied", { opset: 21 });
  const ids = g.input("ids", "int64", ["rows"]);
  const table = g.initializer("table", "float32", [8, 16], noise(128, 3));
  const x = g.op("Gather", [table, ids]);
  const y = g.op("FusedMatMul", [x, table], { domain: "com.microsoft", attributes: { transB: int(1) } });
  g.output("y", y, "float32", ["rows", 8]);
  return g.build();
}

const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + seed) * Math.cos(at * 4.1 + seed));

/** Gram matrix of `rows` correlated random inputs. */
function gramOf(size: number, rows: number): Gram {
  const values = new Float64Array(size * size);
  for (let row = 0; row < rows; row += 1) {
    const common = Math.sin(row * 7.3);
    const x = Array.from({ length: size }, (_, at) => common + 0.5 * Math.sin(row * 31.7 + at * 5.3));
    x.forEach((left, i) => {
      x.forEach((right, k) => {
        values[i * size + k]! += left * right;
      });
    });
  }
  return { size, values };
}

function quantized(graph: Graph, rounded: StaticOptions["rounded"]): StaticResult {
  const range = { low: -1, high: 1 };
  const plan = planGraph(graph, SETTINGS);
  const seen = new Map([...valuesToCalibrate(plan)].map((name) => [name, range] as const));
  return quantizeWithRanges(plan, seen, {
    ...TYPES,
    rounded,
  });
}

/** tr(E^T H E): the squared error of the outputs on the data. */
function outputError(before: Float32Array, after: Float32Array, { size, values }: Gram): number {
  const outputs = before.length / size;
  let sum = 0;
  for (let output = 0; output < outputs; output += 1) {
    const error = Array.from(
      { length: size },
      (_, at) => before[at * outputs + output]! - after[at * outputs + output]!,
    );
    error.forEach((left, i) => {
      error.forEach((right, k) => {
        sum += left * right * values[i * size + k]!;
      });
    });
  }
  return sum;
}

/** The weights that the graph's codes represent. */
function stored({ graph, parameters }: StaticResult, transposed = false): Float32Array {
  const { data, shape } = graph.initializers.get("w_quantized")!;
  const { parameters: scales } = parameters.get("w")!;
  const columns = shape[1]!;
  return Float32Array.from({ length: shape[0]! * columns }, (_, at) => {
    const nibble = (data[at >> 1]! >> ((at & 1) << 2)) & 0xf;
    const code = nibble > 7 ? nibble - 16 : nibble;
    return code * scales[transposed ? Math.floor(at / columns) : at % columns]!.scale;
  });
}

describe(roundWeights, () => {
  test.each([false, true])(
    "the graph stores the very numbers it chose (transposed: %s)",
    async (transposed) => {
      const values = noise(21 * 5, 1);
      const graph = product(values, 21, transposed);
      const rounded = await roundWeights(graph, SETTINGS, { method: "search" });
      const result = quantized(graph, rounded);
      expect(stored(result, transposed)).toEqual(rounded.get("w")!.values);
      expect(result.parameters.get("w")!.parameters.every(({ scale, zero }) => scale > 0 && zero === 0)).toBe(
        true,
      );
    },
  );

  test("error feedback has a smaller output error on the data than the search, and the search a smaller one than the tool", async () => {
    const size = 48;
    const values = noise(size * 16, 5);
    const graph = product(values, size);
    const gram = gramOf(size, 400);
    const errors: number[] = [];
    for (const method of ["gptq", "search", "rtn"] as const) {
      const rounded = await roundWeights(graph, SETTINGS, { method, grams: new Map([["w", gram]]) });
      errors.push(outputError(values, stored(quantized(graph, rounded)), gram));
    }
    const [gptq, search, rtn] = errors;
    expect(gptq).toBeLessThan(search! / 2);
    expect(search).toBeLessThan(rtn!);
  });

  test("a table for both look-ups and products has one scale for devices, and one per row for CPUs", () => {
    const planned = (coverage: "standard" | "all"): unknown =>
      planGraph(tied(), { coverage }).tensors.get("table");
    expect(planned("standard")).toEqual({ kind: "weight", axis: 0 });
    // As for its rows: the type of activations, one scale.
    expect(planned("all")).toEqual({ kind: "activation" });
  });

  test("does not change tables of embeddings", async () => {
    expect((await roundWeights(tied(), SETTINGS, { method: "search" })).size).toBe(0);
  });

  test("an output with only tiny weights keeps a scale that devices can divide by", async () => {
    const values = new Float32Array(32);
    values.fill(1e-7, 0, 16);
    const rounded = await roundWeights(product(values, 16, true), SETTINGS, { method: "search" });
    for (const { scale } of rounded.get("w")!.parameters) expect(scale).toBeGreaterThan(1e-5);
    expect(float32sOf(product(values, 16, true).initializers.get("w")!)).toEqual(values);
  });

  test("rejects gptq without data", async () => {
    const graph = product(noise(32, 1), 16);
    await expect(roundWeights(graph, SETTINGS, { method: "gptq" })).rejects.toMatchObject({
      code: "CONFIG_INVALID",
    });
  });

  test("skips weights that are not finite", async () => {
    const bad = product(noise(32, 1).fill(NaN, 3, 4), 16);
    expect((await roundWeights(bad, SETTINGS, { method: "search" })).size).toBe(0);
  });
});
