/**
 * Tests calibrated quantization on ONNX Runtime: compares probes with plain arithmetic and static graphs with their float graphs, and
 * quantizes third-party files.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { GraphBuilder, encodeModel, type Graph } from "@slm/onnx";
import {
  feedsInMemory,
  quantizeFile,
  quantizeModelGraph,
  quantizeStatic,
  type Feeds,
  type IntegerType,
} from "@slm/quantization";
import { createHostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let runtime: Runtime;
const root = temporaryFolder();
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 1 });
});
afterAll(() => runtime.close());

/** Pseudo-random numbers between -1 and 1, depending on `seed`. */
const noise = (count: number, seed: number): Float32Array =>
  Float32Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (wave - Math.floor(wave)) - 1;
  });

const WIDTH = 32;

/** Two layers with a Relu between, a bias, and a residual. */
function network(opset = 21): Graph {
  const g = new GraphBuilder("network", { opset });
  const x = g.input("x", "float32", ["rows", WIDTH]);
  const w = (name: string, seed: number): string =>
    g.initializer(name, "float32", [WIDTH, WIDTH], noise(WIDTH * WIDTH, seed));
  const bias = g.initializer("b", "float32", [WIDTH], noise(WIDTH, 3));
  const hidden = g.op("Relu", [g.op("Gemm", [x, w("up", 1), bias])]);
  const y = g.op("Add", [x, g.op("MatMul", [hidden, w("down", 2)])]);
  g.output("y", y, "float32", ["rows", WIDTH]);
  return g.build();
}

const feedOf = (rows: number, seed: number): Feeds => ({
  x: createHostTensor("float32", [rows, WIDTH], noise(rows * WIDTH, seed)),
});
const FEEDS = [feedOf(5, 10), feedOf(3, 11), feedOf(8, 12)];
const feeds = feedsInMemory(FEEDS);

async function run(graph: Graph, feed: Feeds): Promise<Float32Array> {
  const session = await runtime.load({ kind: "bytes", bytes: encodeModel(graph) });
  const { fetched } = await session.run({ feeds: feed, fetch: ["y"] });
  await session.release();
  const { data } = fetched["y"]!;
  if (data instanceof Float32Array) return data;
  throw new Error("expected float32");
}

/** ||a - b|| of two graphs' outputs for the same inputs. */
async function change(before: Graph, after: Graph, feed: Feeds): Promise<number> {
  const [exact, got] = [await run(before, feed), await run(after, feed)];
  return Math.hypot(...exact.map((value, at) => value - got[at]!));
}

/** ||a - b|| / ||a|| over a run of the calibration, so that nothing is clipped. */
const relativeChange = async (before: Graph, after: Graph): Promise<number> =>
  (await change(before, after, FEEDS[0]!)) / Math.hypot(...(await run(before, FEEDS[0]!)));

/** The step of an activation is about range / 255. The noise of many activations adds up to a few percent. */
const LIMITS: readonly (readonly [IntegerType, IntegerType, number])[] = [
  ["int8", "int8", 0.03],
  ["uint8", "int8", 0.03],
  ["uint16", "int8", 0.01],
  ["uint16", "int4", 0.15],
];

describe(quantizeStatic, () => {
  test.each(LIMITS)(
    "activations %s, weights %s: outputs move by less than %d",
    async (activations, weights, limit) => {
      const options = {
        activations,
        weights,
        runtime,
        feeds,
        coverage: "standard",
      } as const;
      for (const opset of [17, 21]) {
        const original = network(opset);
        const { graph } = await quantizeStatic(original, options);
        const moved = await relativeChange(original, graph);
        expect(moved).toBeLessThan(limit);
        expect(moved).toBeGreaterThan(1e-6);
      }
    },
  );

  test("is rejected without data and below opset 13", async () => {
    const options = { activations: "uint8", weights: "int8", runtime, coverage: "standard" } as const;
    await expect(quantizeStatic(network(), { ...options, feeds: [] })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    await expect(quantizeStatic(network(12), { ...options, feeds })).rejects.toMatchObject({
      code: "OP_UNSUPPORTED",
    });
  });
});

describe("weights by calibration data", () => {
  test("gptq moves outputs less than plain rounding", async () => {
    // Neighbouring inputs are similar, so the next one can compensate for an error.
    const alike = (seed: number): Feeds => {
      const x = noise(20 * WIDTH, seed).map((value, at) => (at % 4 === 0 ? value : 0.2 * value));
      for (let at = 0; at < x.length; at += 1) x[at]! += 2 * x[at - (at % 4)]!;
      return { x: createHostTensor("float32", [20, WIDTH], x) };
    };
    const data = [alike(1), alike(2), alike(3)];
    const movedBy = async (method: "rtn" | "gptq"): Promise<number> => {
      const { graph } = await quantizeModelGraph(network(), {
        scheme: { kind: "weights", format: "int4-block" },
        coverage: "standard",
        weights: { blockSize: 32, method },
        reduceRange: false,
        calibration: { runtime, feeds: feedsInMemory(data) },
      });
      return change(network(), graph, alike(9));
    };
    expect(await movedBy("gptq")).toBeLessThan(0.9 * (await movedBy("rtn")));
  });
});

describe(quantizeFile, () => {
  test("rejects a file that would lose something: a function of its own", async () => {
    // Field 25 of ModelProto contains functions; an empty one is enough.
    const bytes = Buffer.concat([encodeModel(network()), Buffer.from([0xca, 0x01, 0x00])]);
    const input = join(root, "functions.onnx");
    await writeFile(input, bytes);
    const output = join(root, "none", "model.onnx");
    await expect(quantizeFile({ input, output, scheme: "int8-dynamic" })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    await expect(readFile(output)).rejects.toThrow();
  });
});
