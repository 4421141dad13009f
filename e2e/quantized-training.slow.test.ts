/** Weights that quantization-aware training rounds are the weights of the exported and quantized graphs, bit for bit. */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { BlockSize } from "@slm/devices";
import type { Checkpoint } from "@slm/checkpoints";
import { learnedScales, roundParameters, startingScales } from "@slm/distillation";
import { graphsOf, readDeviceModel } from "@slm/exported-model";
import type { ModelConfig } from "@slm/model";
import { attributeOf, readOnnx, type Graph } from "@slm/onnx";
import { dequantizeBlocks, dequantizeInt8, quantizeDirectory, type WeightLayout } from "@slm/quantization";
import { createRandom } from "@slm/generation";
import { createHostTensor } from "@slm/runtime";
import { createOnnxEngine } from "@slm/tensor";
import { encoderForm } from "@slm/training";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder, randomWeights, TOLERANCE } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const exporter = new TinyModels();

const SCHEMES = ["cpu", "int4-block", "int2-block"] as const;
type Scheme = (typeof SCHEMES)[number];

/** Widths that blocks of 32 divide. */
const wide = { width: 64, heads: 4, kvHeads: 2, headDim: 16, feedForward: 96 };
const MODELS: Readonly<Record<string, ModelConfig>> = {
  "an encoder-decoder": { ...encoderDecoder, ...wide },
  "merged attention": { ...encoderDecoder, ...wide, mergedAttention: true },
  "an output head of its own": { ...encoderDecoder, ...wide, tieWordEmbeddings: false },
  "a decoder-only model": { ...decoderOnly, ...wide },
};

/** Learned scales: the starting ones times 0.4 to 1.6. */
async function randomScales(config: ModelConfig, scheme: Scheme): Promise<Checkpoint["weights"]> {
  const { next } = createRandom(3);
  const starting = await startingScales(
    createOnnxEngine(exporter.runtime),
    config,
    scheme,
    randomWeights(config),
  );
  return new Map(
    learnedScales(config, scheme).map(({ name, shape }) => {
      const values = (starting.get(name)!.data as Float32Array).map((scale) => scale * (0.4 + 1.2 * next()));
      return [name, createHostTensor("float32", shape, values)];
    }),
  );
}

/** The weights of a training step by name, and the encoder's forms of shared ones. */
async function roundedWeights(
  config: ModelConfig,
  scheme: Scheme,
): Promise<ReadonlyMap<string, Float32Array>> {
  const weights = new Map([...randomWeights(config), ...(await randomScales(config, scheme))]);
  const engine = createOnnxEngine(exporter.runtime);
  const specs = [...weights].map(
    ([name, { shape }]) => [name, { dtype: "float32" as const, shape }] as const,
  );
  let names: readonly string[] = [];
  const program = await engine.compile({
    name: "round",
    forwardOnly: true,
    inputs: Object.fromEntries(specs),
    build: (x) => {
      const rounded = roundParameters(config, scheme, x);
      names = Object.keys(rounded);
      return Object.fromEntries(names.map((name, at) => [`out.${at}`, rounded[name]!]));
    },
  });
  const { fetched } = await program.run({
    feeds: Object.fromEntries(weights),
    fetch: names.map((_, at) => `out.${at}`),
  });
  await program.release();
  return new Map(names.map((name, at) => [name, fetched[`out.${at}`]!.data as Float32Array]));
}

const float32 = ({ initializers }: Graph, name: string): Float32Array => {
  const { data } = initializers.get(name)!;
  return new Float32Array(data.slice().buffer);
};

/** A dequantized weight, outputs first. */
interface Dequantized {
  readonly values: Float32Array;
  readonly inputs: number;
}

function int8Of(graph: Graph, codes: string, scales: string, layout: WeightLayout): Dequantized {
  const { data, shape } = graph.initializers.get(codes)!;
  const [rows, columns] = shape as readonly [number, number];
  const [outputs, inputs] = layout === "outputs-first" ? [rows, columns] : [columns, rows];
  const { values } = dequantizeInt8({
    codes: new Int8Array(data.slice().buffer),
    scales: float32(graph, scales),
    inputs,
    outputs,
    layout,
  });
  if (layout === "outputs-first") return { values, inputs };
  const turned = values.map((_, at) => values[(at % inputs) * outputs + Math.floor(at / inputs)]!);
  return { values: turned, inputs };
}

/** The weights of a graph's quantized nodes. */
function* dequantized(graph: Graph): Generator<Dequantized> {
  for (const node of graph.nodes) {
    const [first = "", second = "", third = "", fourth = ""] = node.inputs;
    if (node.opType === "DynamicQuantizeMatMul") yield int8Of(graph, second, third, "inputs-first");
    if (node.opType === "Gather" && first.endsWith(".int8"))
      yield int8Of(graph, first, first.replace(/int8$/u, "row_scales"), "outputs-first");
    if (node.opType !== "MatMulNBits" && node.opType !== "GatherBlockQuantized") continue;
    const codes = node.opType === "MatMulNBits" ? second : first;
    const [outputs, blocks] = graph.initializers.get(third)!.shape as readonly [number, number];
    const blockSize = attributeOf(node, "block_size", "int") as BlockSize;
    const inputs = blocks * blockSize;
    const { values } = dequantizeBlocks({
      codes: graph.initializers.get(codes)!.data,
      scales: float32(graph, third),
      zeroPoints: graph.initializers.get(fourth)!.data,
      bits: attributeOf(node, "bits", "int") as 2 | 4 | 8,
      inputs,
      outputs,
      blockSize,
      blocks,
    });
    yield { values, inputs };
  }
}

/** The weights of each output. Zero has no sign here: the quantizer does not store it. */
const rowsOf = (values: Float32Array, inputs: number): string[] =>
  Array.from({ length: values.length / inputs }, (_, row) =>
    Array.from(values.subarray(row * inputs, (row + 1) * inputs), (value) => value + 0).join(),
  );

describe.each(Object.keys(MODELS))("the rounded weights of %s", (name) => {
  test.each(SCHEMES)("are stored as they are by scheme %s", async (scheme) => {
    const config = MODELS[name]!;
    const rounded = await roundedWeights(config, scheme);
    const weights: Checkpoint["weights"] = new Map(
      [...randomWeights(config)].map(([key, { shape }]) => [
        key,
        createHostTensor("float32", shape, rounded.get(key)),
      ]),
    );
    // The export compares its graphs with the training forward pass of the same weights.
    const { report, directory } = await exporter.exported(config, { target: "cpu" }, weights);
    expect(report.parity!.maxAbs).toBeLessThan(TOLERANCE.float32);
    const outputDirectory = await mkdtemp(join(exporter.workspace, "quantized-"));
    const { skipped } = await quantizeDirectory({
      modelDirectory: directory,
      outputDirectory,
      scheme,
      weights: { blockSize: 32 },
    });
    expect(skipped.filter(({ name: kept }) => !kept.startsWith("rotary."))).toEqual([]);
    const matrices = [...weights].filter(([, { shape }]) => shape.length === 2);
    const formsIn = (part: string, key: string): Float32Array =>
      (part === "encoder" ? rounded.get(encoderForm(key)) : undefined) ?? rounded.get(key)!;
    const stored = new Set<string>();
    for (const { name: part, graph: file } of graphsOf(await readDeviceModel(outputDirectory))) {
      const trained = new Set(matrices.flatMap(([key, { shape }]) => rowsOf(formsIn(part, key), shape[1]!)));
      for (const { values, inputs } of dequantized(await readOnnx(join(outputDirectory, file.file)))) {
        // Graphs join matrices with the same inputs along their outputs.
        const rows = rowsOf(values, inputs);
        expect(rows.filter((row) => !trained.has(row))).toEqual([]);
        for (const row of rows) stored.add(row);
      }
    }
    for (const [key, { shape }] of matrices)
      expect(
        rowsOf(rounded.get(key)!, shape[1]!).filter((row) => !stored.has(row)),
        key,
      ).toEqual([]);
  });
});
