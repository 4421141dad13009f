/**
 * NPUs compute float32 graphs in float16 (Qualcomm's with `enable_htp_fp16_precision`, Intel's and Apple's in hardware), whose largest
 * number is 65,504. The tests run graphs in float32, with every value as an output and a residual stream that almost fills that range.
 */
import { join } from "node:path";
import type { ExportChoice } from "@slm/onnx-export";
import { createRandom } from "@slm/generation";
import { GRAPH_IO, readDeviceModel } from "@slm/exported-model";
import { inferShapes } from "@slm/analysis";
import { initializeWeights, visionConfig, type EncoderDecoderConfig, type ModelConfig } from "@slm/model";
import { encodeModel, readOnnx, type Graph, type GraphNode } from "@slm/onnx";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

/** The largest float16 number. */
const LARGEST = 65_504;

/** Target magnitude of the residual stream. Branches increase it. */
const RESIDUAL = 30_000;

/** Tokens of the chunk graph. */
const CHUNK = 3;

const shared = {
  maxSource: 8,
  maxTarget: 5,
  // A tied head multiplies with the scaled table.
  tieWordEmbeddings: false,
} as const;
const plain: EncoderDecoderConfig = { ...encoderDecoder, ...shared };
const t5: EncoderDecoderConfig = {
  ...plain,
  kvHeads: 4,
  bias: false,
  positions: { kind: "relative-bias", buckets: 8, maxDistance: 12 },
};
const MODELS: Readonly<Record<string, ModelConfig>> = {
  plain,
  "decoder-only": { ...decoderOnly, ...shared },
  "gates, norms of heads and of branch ends, capped logits": {
    ...plain,
    activation: "swiglu",
    qkNorm: true,
    postNorm: true,
    logitSoftcap: 4,
  },
  "T5 with ReLU": { ...t5, activation: "relu" },
  "T5 with gates": { ...t5, activation: "geglu" },
  "an image before the text": {
    ...plain,
    vision: visionConfig.parse({
      tower: {
        image: { resize: { kind: "stretch", height: 8, width: 16 } },
        patch: { height: 8, width: 8 },
        width: 24,
        layers: 1,
        heads: 3,
        feedForward: 40,
      },
    }),
  },
};

/** Profiles whose devices compute in float16; the compiler of `vitisai` converts float32 to bfloat16. */
const PROFILES = ["qnn", "openvino", "coreml"] as const;

const models = new TinyModels({ threads: 1, isCompared: false });

type Weights = Map<string, ReturnType<typeof createHostTensor>>;

/** Whether feed-forward blocks and their sums exceed the range in float32, like T5's. */
const isLarge = (config: ModelConfig): boolean =>
  config.architecture === "encoder-decoder" && config.positions !== undefined;

/** Random weights with embeddings that fill the range, and with queries and keys for scores in the thousands. */
function extremeWeights(config: ModelConfig): Weights {
  const weights: Weights = new Map(initializeWeights(config, createRandom(9).next));
  const scaled = (name: string, factor: number): void => {
    const { shape, data } = weights.get(name)!;
    weights.set(
      name,
      createHostTensor(
        "float32",
        shape,
        Float32Array.from(data as Float32Array, (x) => x * factor),
      ),
    );
  };
  const table = weights.get("embedding.weight")!.data as Float32Array;
  scaled("embedding.weight", RESIDUAL / table.reduce((most, value) => Math.max(most, Math.abs(value)), 0));
  for (const name of weights.keys()) {
    if (/ttention\.(query|key)\.weight$/u.test(name)) scaled(name, 30);
    if (!isLarge(config)) continue;
    const isFirst = /feedForward\.(?:up|gate)\.weight$/u.test(name);
    if (isFirst) scaled(name, config.activation === "relu" ? 30_000 : 200);
    if (/feedForward\.down\.weight$/u.test(name)) scaled(name, 60);
  }
  return weights;
}

/** The squares of a norm and their mean, which OpenVINO fuses to one operator, so they are not values of its graph. */
const isInsideNorm = ({ opType }: GraphNode): boolean =>
  opType === "Pow" || opType === "ReduceMean" || opType === "Add";

/** Numeric values of the graph, without those inside OpenVINO's fused norm. */
function valuesOf(graph: Graph, profile: (typeof PROFILES)[number]): readonly string[] {
  const fused = new Set<string>();
  if (profile === "openvino") {
    for (const { opType, outputs } of graph.nodes) if (opType === "Pow") fused.add(outputs[0]!);
    for (const node of graph.nodes)
      if (isInsideNorm(node) && fused.has(node.inputs[0]!)) fused.add(node.outputs[0]!);
  }
  const { facts } = inferShapes({ ...graph, producer: "", omitted: [] });
  return graph.nodes
    .flatMap(({ outputs }) => outputs)
    .filter((name) => !fused.has(name) && facts.of(name).dtype === "float32");
}

type Feeds = Readonly<Record<string, HostTensor>>;

/** Runs a graph and returns all of its values by name. */
async function evaluate(graph: Graph, names: readonly string[], feeds: Feeds): Promise<Feeds> {
  const outputs = names.map((name) => ({ name, dtype: "float32" as const, shape: undefined }));
  const session = await models.runtime.load(
    { kind: "bytes", bytes: encodeModel({ ...graph, outputs }) },
    { optimization: "none" },
  );
  const own = Object.fromEntries(session.inputNames.map((name) => [name, feeds[name]!]));
  const { fetched } = await session.run({ feeds: own, fetch: names });
  await session.release();
  return fetched;
}

function expectInRange(values: Feeds): void {
  for (const [name, { data }] of Object.entries(values)) {
    const most = (data as Float32Array).reduce((least, value) => Math.max(least, Math.abs(value)), 0);
    expect(most, name).toBeLessThanOrEqual(LARGEST);
    expect(Number.isNaN((data as Float32Array).reduce((sum, value) => sum + value, 0)), name).toBe(false);
  }
}

/** Checks that the weights cause large values. Norms of heads bound the scores. */
function expectExtreme(values: Feeds, config: ModelConfig): void {
  expect(largestOf(values, /embedding\/Gather/u)).toBeGreaterThan(RESIDUAL / 2);
  if (config.qkNorm !== true) expect(largestOf(values, /scores/u)).toBeGreaterThan(300);
}

const largestOf = (values: Feeds, pattern: RegExp): number =>
  Math.max(
    ...Object.entries(values)
      .filter(([name]) => pattern.test(name))
      .flatMap(([, { data }]) => [...(data as Float32Array)].map(Math.abs)),
  );

const floats = (shape: readonly number[], value: (at: number) => number): HostTensor =>
  createHostTensor(
    "float32",
    shape,
    Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, at) => value(at)),
  );

describe.each(PROFILES)("profile %s", (profile) => {
  test.each(Object.entries(MODELS))("no value leaves the range of float16: %s", async (_name, config) => {
    const chunk = config.architecture === "decoder-only" ? CHUNK : undefined;
    const choice: ExportChoice = { target: "npu", profile, buckets: [8], chunk };
    const { directory } = await models.exported(config, choice, extremeWeights(config));
    const { graphs, static: layout } = await readDeviceModel(directory);
    const read = (file: string): Promise<Graph> => readOnnx(join(directory, file));
    const { window, maskedBias } = layout!;
    const biasOf = (
      shape: readonly number[],
      isSeen: (row: number, column: number) => boolean,
    ): HostTensor => {
      const size = shape.at(-1)!;
      return floats(shape, (at) => (isSeen(Math.floor(at / size), at % size) ? 0 : maskedBias));
    };

    let image: Feeds = {};
    if (graphs.vision !== undefined) {
      const vision = await read(graphs.vision.file);
      const patches = floats([1, 2, 192], (at) => RESIDUAL * Math.sin(at));
      image = await evaluate(vision, valuesOf(vision, profile), { [GRAPH_IO.patches]: patches });
      expectInRange(image);
    }
    const sourceBias = biasOf([1, 1, 1, 8], (_, slot) => slot < 6);
    const recorded: Graph[] = [];
    let encoded: Feeds = {};
    if (graphs.encoder !== undefined) {
      const encoder = await read(graphs.encoder.file);
      const imageTokens = image[GRAPH_IO.imageTokens]?.shape[1] ?? 0;
      const ids = Int32Array.of(9, 20, 31, 6, 12, 30, 0, 0).subarray(imageTokens);
      encoded = await evaluate(encoder, valuesOf(encoder, profile), {
        ...image,
        [GRAPH_IO.sourceIds]: createHostTensor("int32", [1, ids.length], ids),
        [GRAPH_IO.sourceBias]: sourceBias,
      });
      expectInRange(encoded);
      expectExtreme(encoded, config);
      recorded.push(encoder);
    }

    const { kvHeads, headDim } = config;
    const slots = window - 1;
    const past = Array.from({ length: config.decoderLayers }, (_, layer) => [
      [GRAPH_IO.pastKey(layer), floats([1, kvHeads, headDim, slots], (at) => Math.sin(at))],
      [GRAPH_IO.pastValue(layer), floats([1, kvHeads, slots, headDim], (at) => Math.sin(at))],
    ]).flat() as [string, HostTensor][];
    const decoders = [
      { graph: graphs.decoder!, count: 1 },
      ...(graphs.chunk ? [{ graph: graphs.chunk, count: CHUNK }] : []),
    ];
    for (const { graph: decoder, count } of decoders) {
      const graph = await read(decoder.file);
      const step = await evaluate(graph, valuesOf(graph, profile), {
        ...encoded,
        ...Object.fromEntries(past),
        [GRAPH_IO.targetIds]: createHostTensor(
          "int32",
          [1, count],
          Int32Array.of(30, 7, 21).subarray(0, count),
        ),
        [GRAPH_IO.position]: createHostTensor("int32", [count], Int32Array.of(1, 2, 3).subarray(0, count)),
        [GRAPH_IO.windowBias]: biasOf([1, 1, count, slots + count], (row, column) =>
          column < slots ? column < 1 : column - slots <= row,
        ),
        [GRAPH_IO.sourceBias]: sourceBias,
      });
      expectInRange(step);
      expectExtreme(step, config);
      recorded.push(graph);
    }
    for (const graph of recorded) {
      for (const { name, dtype, data } of graph.initializers.values()) {
        if (dtype !== "float32") continue;
        const numbers = new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
        expect(
          numbers.every((value) => Math.abs(value) <= LARGEST),
          name,
        ).toBe(true);
      }
    }
  });
});
