/**
 * Compares the operators of quantized graphs on ONNX Runtime with plain arithmetic on dequantized weights. Activations are integers that
 * fill the quantized range, so the scale is exactly 1 and the comparison is as precise as float32 sums.
 */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { temporaryFolder } from "@slm/core/testing";
import { BLOCK_SIZES, type BlockSize } from "@slm/devices";
import { GraphBuilder, encodeModel, int, writeOnnx, type Graph } from "@slm/onnx";
import {
  dequantizeBlocks,
  dequantizeInt8,
  quantizeGraph,
  quantizeBlocks,
  quantizeInt8PerChannel,
  type BlockWeights,
  type WeightFormat,
  type WeightMatrix,
} from "@slm/quantization";
import { createHostTensor, type HostTensor, type Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

let runtime: Runtime;
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
});
afterAll(async () => {
  await runtime.close();
});

/** All formats except float32. */
type Format = Exclude<WeightFormat, "float32">;

const blocksOf = (matrix: WeightMatrix, blockSize: BlockSize, bits: 2 | 4 | 8 = 4): BlockWeights =>
  quantizeBlocks(matrix, { bits, blockSize });

/** Pseudo-random numbers between -1 and 1 that do not repeat per block, depending on `seed`. */
function noise(count: number, seed: number): Float32Array {
  return Float32Array.from({ length: count }, (_, at) => {
    const wave = Math.sin((at + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    return 2 * (wave - Math.floor(wave)) - 1;
  });
}

/** Numbers between -1 and 1 with a mean that drifts with `at`: blocks of either sign and of both. */
const weights = (count: number, seed: number): Float32Array =>
  noise(count, seed).map((value, at) => 0.4 * value + 0.6 * Math.sin(at / 600));

/** Integers with largest magnitude 127 in every 16 neighbours: int8 with scale 1 for every block size. */
function int8Activations(rows: number, width: number): Float32Array {
  const values = noise(rows * width, 5).map((value) => Math.round(value * 126));
  for (let row = 0; row < rows; row += 1) {
    for (let at = 0; at < width; at += 16) values[row * width + at] = at % 32 === 0 ? 127 : -127;
  }
  return values;
}

/** Integers from -100 to 155, including both ends: uint8 with scale 1 and zero point 100 over the whole tensor. */
function uint8Activations(count: number): Float32Array {
  const values = noise(count, 6).map((value) => Math.round(value * 99));
  values[0] = -100;
  values[count - 1] = 155;
  return values;
}

/** rows [M, K] times the matrix, plus the bias, in float64. `matrix` can have either layout. */
function multiply(rows: Float32Array, matrix: WeightMatrix, bias?: Float32Array): number[] {
  const { inputs, outputs, values, layout } = matrix;
  const result: number[] = [];
  for (let row = 0; row < rows.length / inputs; row += 1) {
    for (let output = 0; output < outputs; output += 1) {
      let sum = bias?.[output] ?? 0;
      for (let input = 0; input < inputs; input += 1) {
        const at = layout === "inputs-first" ? input * outputs + output : output * inputs + input;
        sum += rows[row * inputs + input]! * values[at]!;
      }
      result.push(sum);
    }
  }
  return result;
}

function largestDifference(got: ArrayLike<number | bigint>, expected: ArrayLike<number>): number {
  expect(got.length).toBe(expected.length);
  let largest = 0;
  for (let at = 0; at < expected.length; at += 1) {
    largest = Math.max(largest, Math.abs(Number(got[at]) - expected[at]!));
  }
  return largest;
}

/** Sums of at most 160 products up to 155 each, in float32: 160 * 155 * 2^-23, rounded up. */
const SUM_TOLERANCE = 4e-3;

async function run(
  graph: Graph,
  feeds: Readonly<Record<string, HostTensor>>,
): Promise<Readonly<Record<string, HostTensor>>> {
  const session = await runtime.load({ kind: "bytes", bytes: encodeModel(graph) });
  const { fetched } = await session.run({ feeds, fetch: session.outputNames });
  await session.release();
  return fetched;
}

const quantized = async (graph: Graph, format: Format, blockSize: BlockSize = 32): Promise<Graph> =>
  (await quantizeGraph(graph, { format, weights: { blockSize }, reduceRange: false })).graph;

const operators = (graph: Graph): string[] => graph.nodes.map(({ opType }) => opType);

const OUTPUTS = 24;

/** y = x W + b, as written by the exporter. */
function linearGraph(inputs: number, withBias: boolean): Graph {
  const g = new GraphBuilder("linear");
  const x = g.input("x", "float32", ["rows", inputs]);
  const w = g.initializer("w", "float32", [inputs, OUTPUTS], weights(inputs * OUTPUTS, 1));
  const product = g.op("MatMul", [x, w]);
  const bias = g.initializer("b", "float32", [OUTPUTS], noise(OUTPUTS, 2));
  g.output("y", withBias ? g.op("Add", [product, bias]) : product, "float32", ["rows", OUTPUTS]);
  return g.build();
}

const linearMatrix = (inputs: number): WeightMatrix => ({
  values: weights(inputs * OUTPUTS, 1),
  inputs,
  outputs: OUTPUTS,
  layout: "inputs-first",
});

const VOCAB = 70;

const tableMatrix = (width: number): WeightMatrix => ({
  values: weights(VOCAB * width, 3),
  inputs: width,
  outputs: VOCAB,
  layout: "outputs-first",
});

describe.each([2, 4, 8] as const)("MatMulNBits of %i bits", (bits) => {
  // Widths: whole blocks, a padded last block, an odd one, fewer than one block.
  const widths = [96, 160, 40, 33, 20];
  for (const blockSize of BLOCK_SIZES) {
    test.each(widths)(
      `multiplies by the dequantized weights: blocks of ${blockSize}, width %i`,
      async (inputs) => {
        const matrix = dequantizeBlocks(blocksOf(linearMatrix(inputs), blockSize, bits));
        const format = `int${bits}-block` as const;
        for (const rows of [1, 5]) {
          for (const withBias of [true, false]) {
            const graph = await quantized(linearGraph(inputs, withBias), format, blockSize);
            expect(operators(graph).filter((name) => name !== "Identity")).toEqual(["MatMulNBits"]);
            const x = int8Activations(rows, inputs);
            const { y } = await run(graph, { x: createHostTensor("float32", [rows, inputs], x) });
            const expected = multiply(x, matrix, withBias ? noise(OUTPUTS, 2) : undefined);
            expect(largestDifference(y!.data, expected)).toBeLessThan(SUM_TOLERANCE);
          }
        }
      },
    );
  }
});

describe("DynamicQuantizeMatMul", () => {
  test.each([96, 40, 7])("multiplies by the dequantized weights, width %i", async (inputs) => {
    const matrix = dequantizeInt8(quantizeInt8PerChannel(linearMatrix(inputs)));
    for (const rows of [1, 5]) {
      for (const withBias of [true, false]) {
        const graph = await quantized(linearGraph(inputs, withBias), "int8-dynamic");
        expect(operators(graph).filter((name) => name !== "Identity")).toEqual(["DynamicQuantizeMatMul"]);
        const x = uint8Activations(rows * inputs);
        const { y } = await run(graph, { x: createHostTensor("float32", [rows, inputs], x) });
        const expected = multiply(x, matrix, withBias ? noise(OUTPUTS, 2) : undefined);
        expect(largestDifference(y!.data, expected)).toBeLessThan(SUM_TOLERANCE);
      }
    }
  });
});

/** An embedding and an output head over one table, as in a decoder with tied weights. */
function tiedGraph(width: number, ids: readonly (number | string)[], headOperator: string): Graph {
  const g = new GraphBuilder("tied");
  const table = g.initializer("embedding.weight", "float32", [VOCAB, width], weights(VOCAB * width, 3));
  const rows = g.op("Gather", [table, g.input("ids", "int32", ids)]);
  const x = g.input("x", "float32", ["rows", width]);
  const options = { attributes: { transB: int(1) }, domain: headOperator === "Gemm" ? "" : "com.microsoft" };
  g.output("rows", rows, "float32", [...ids, width]);
  g.output("logits", g.op(headOperator, [x, table], options), "float32", ["rows", VOCAB]);
  return g.build();
}

const DEQUANTIZED: Readonly<
  Record<Exclude<Format, "int2-block">, (matrix: WeightMatrix, blockSize?: BlockSize) => WeightMatrix>
> = {
  "int4-block": (matrix, blockSize = 32) => dequantizeBlocks(blocksOf(matrix, blockSize)),
  "int8-block": (matrix, blockSize = 32) => dequantizeBlocks(blocksOf(matrix, blockSize, 8)),
  "int8-dynamic": (matrix) => dequantizeInt8(quantizeInt8PerChannel(matrix)),
};

const IDS = [3, 0, 69, 7, 7, 12];

function rowsOf({ values, inputs }: WeightMatrix): number[] {
  return IDS.flatMap((id) => [...values.subarray(id * inputs, (id + 1) * inputs)]);
}

describe.each(["int4-block", "int8-block", "int8-dynamic"] as const)(
  "a table tied between embedding and head, %s",
  (format) => {
    const directory = temporaryFolder();
    const blockSizes = format === "int8-dynamic" ? [32 as const] : BLOCK_SIZES;
    const cases = blockSizes.flatMap((blockSize) => [
      [blockSize, 96, [2, 3], ["batch", "target"], "FusedMatMul"] as const,
      [blockSize, 160, [2, 3], ["batch", "target"], "FusedMatMul"] as const,
      [blockSize, 40, [2, 3], ["batch", "target"], "FusedMatMul"] as const,
      [blockSize, 20, [6], ["target"], "Gemm"] as const,
    ]);
    test.each(cases)(
      "is one weight that both see the same: blocks of %i, width %i, ids %j",
      async (blockSize, width, shape, ids, head) => {
        const graph = await quantized(tiedGraph(width, ids, head), format, blockSize);
        const matrix = DEQUANTIZED[format](tableMatrix(width), blockSize);
        const x = format === "int8-dynamic" ? uint8Activations(4 * width) : int8Activations(4, width);
        const { rows, logits } = await run(graph, {
          ids: createHostTensor("int32", shape, Int32Array.from(IDS)),
          x: createHostTensor("float32", [4, width], x),
        });
        expect(rows!.shape).toEqual([...shape, width]);
        // One multiplication of exact numbers, rounded once.
        expect(largestDifference(rows!.data, rowsOf(matrix))).toBeLessThan(1e-7);
        expect(largestDifference(logits!.data, multiply(x, matrix))).toBeLessThan(SUM_TOLERANCE);
      },
    );

    test("is stored once, and loads from its file", async () => {
      const width = 96;
      const path = join(directory, "decoder.onnx");
      const graph = await quantized(tiedGraph(width, ["batch", "target"], "FusedMatMul"), format);
      await writeOnnx(graph, path, { externalData: { file: "decoder.onnx.data", minBytes: 128 } });
      const { size } = await stat(join(directory, "decoder.onnx.data"));
      const codes = format === "int4-block" ? (VOCAB * width) / 2 : VOCAB * width;
      const scales = format === "int8-dynamic" ? VOCAB * 4 : (VOCAB * 4 * width) / 32;
      // Three blocks, two 4-bit zero points per byte.
      const zeros = { "int4-block": VOCAB * 2, "int8-block": VOCAB * 3, "int8-dynamic": 0 }[format];
      // The second and third weight are aligned to 64 bytes.
      expect(size).toBeGreaterThanOrEqual(codes + scales + zeros);
      expect(size).toBeLessThan(codes + scales + zeros + 2 * 64);
      const session = await runtime.load({ kind: "file", path });
      const { fetched } = await session.run({
        feeds: {
          ids: createHostTensor("int32", [1, 6], Int32Array.from(IDS)),
          x: createHostTensor("float32", [1, width], int8Activations(1, width)),
        },
        fetch: ["rows"],
      });
      await session.release();
      const matrix = DEQUANTIZED[format](tableMatrix(width));
      expect(largestDifference(fetched["rows"]!.data, rowsOf(matrix))).toBeLessThan(1e-7);
    });
  },
);
