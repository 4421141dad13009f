/**
 * Quantized graphs for target npu, profile qnn, meet the requirements of Qualcomm's compiler for weights (found with onnxruntime-qnn
 * 2.7.0).
 */
import { join } from "node:path";
import type { ExportChoice } from "@slm/onnx-export";
import { createRandom } from "@slm/generation";
import { DEVICES, type SchemeName } from "@slm/devices";
import { graphsOf, readDeviceModel } from "@slm/exported-model";
import { initializeWeights, visionConfig, type EncoderDecoderConfig } from "@slm/model";
import { readOnnx, type Graph, type GraphNode, type OnnxDType } from "@slm/onnx";
import type { TokenPair } from "@slm/quantization";
import { describe, expect, test } from "vitest";
import { encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

const tied: EncoderDecoderConfig = {
  ...encoderDecoder,
  width: 32,
  headDim: 8,
  feedForward: 48,
  encoderLayers: 1,
  decoderLayers: 1,
  maxSource: 8,
  maxTarget: 6,
  bias: false,
};
const MODELS: Readonly<Record<string, EncoderDecoderConfig>> = {
  "a head tied to the embedding": tied,
  "a head of its own": { ...tied, tieWordEmbeddings: false },
  "pooled tokens": { ...tied, encoderPooling: { afterLayers: [1], group: 2 } },
  "an image, its patches read with their neighbours and pooled": {
    ...tied,
    maxSource: 11,
    vision: visionConfig.parse({
      tower: {
        image: { resize: { kind: "stretch", height: 16, width: 24 } },
        patch: { height: 8, width: 8 },
        width: 24,
        layers: 1,
        heads: 3,
        feedForward: 40,
        convolution: { layers: 1, height: 3, width: 3 },
      },
      projector: { pool: { kind: "average", height: 1, width: 3 } },
    }),
  },
};

/** Six patches of 8 x 8 pixels in three channels. */
const PATCHES = 6 * 8 * 8 * 3;

/** Bits of the codes of a product's weights: the compiler rejects products of 16-bit activations with 16-bit tables. */
const WEIGHT_TYPES: readonly OnnxDType[] = ["int8", "int4"];

const models = new TinyModels({ threads: 1, isCompared: false });

const rowsOf = ({ vision }: EncoderDecoderConfig): readonly TokenPair[] =>
  [8, 3, 5].map((length, row) => ({
    source: Array.from({ length }, (_, at) => 4 + ((row * 7 + at * 5) % 33)),
    target: [10 + row, 20 + row, 30],
    patches: vision && Float32Array.from({ length: PATCHES }, (_, at) => Math.sin(at * (row + 1))),
  }));

/** The stored codes of a constant; undefined for other values. */
function codesOf(graph: Graph, value: string): OnnxDType | undefined {
  const maker = graph.nodes.find(({ outputs }) => outputs.includes(value));
  return maker?.opType === "DequantizeLinear" ? graph.initializers.get(maker.inputs[0]!)?.dtype : undefined;
}

function productWeights(graph: Graph): readonly { readonly node: GraphNode; readonly codes: OnnxDType }[] {
  return graph.nodes.flatMap((node) => {
    if (node.opType !== "Gemm" && node.opType !== "MatMul") return [];
    const [first, second] = node.inputs.map((input) => codesOf(graph, input));
    // The compiler rejects a constant as the first factor, or computes wrong results.
    expect(first, node.name).toBeUndefined();
    return second === undefined ? [] : [{ node, codes: second }];
  });
}

/** A quantized export of a model with random weights. @returns its directory */
async function quantized(config: EncoderDecoderConfig, scheme: SchemeName): Promise<string> {
  const weights = initializeWeights(config, createRandom(3).next);
  const choice: ExportChoice = { target: "npu", buckets: [config.maxSource] };
  const { directory } = await models.exported(config, choice, weights);
  const calibration = { runtime: models.runtime, pairs: rowsOf(config) };
  return models.quantized(directory, scheme, { calibration });
}

describe.each(Object.entries(MODELS))("%s", (_name, config) => {
  test.each(DEVICES.npu.qnn.schemes.takes)("no product of scheme %s has 16-bit weights", async (scheme) => {
    const outputDirectory = await quantized(config, scheme);
    const { graphs } = await readDeviceModel(outputDirectory);
    expect(graphs.vision === undefined).toBe(config.vision === undefined);
    for (const { file } of graphsOf({ graphs }).map(({ graph }) => graph)) {
      const graph = await readOnnx(join(outputDirectory, file));
      const products = productWeights(graph);
      expect(products.length).toBeGreaterThan(3);
      for (const { node, codes } of products) expect(WEIGHT_TYPES, node.name).toContain(codes);
      const head = products.find(({ node }) => node.name.endsWith("head/Gemm"));
      expect(head === undefined).toBe(!file.startsWith("decoder"));
    }
  });
});

/** Attention with other additions to scores than a mask. */
const MASKED: Readonly<Record<string, Partial<EncoderDecoderConfig>>> = {
  "pooled tokens": { encoderLayers: 2, encoderPooling: { afterLayers: [1], group: 2 } },
  "biases by distance": { kvHeads: 4, positions: { kind: "relative-bias", buckets: 8, maxDistance: 12 } },
  "capped scores, windows": {
    attentionSoftcap: 5,
    slidingWindow: { window: 3, encoderLayers: [0], decoderLayers: [0] },
  },
  "one attention over target and source, windows": {
    mergedAttention: true,
    slidingWindow: { window: 3, encoderLayers: [0], decoderLayers: [0] },
  },
};

/** The scale of a quantized value. */
function scaleOf(graph: Graph, value: string): number {
  const { opType, inputs } = graph.nodes.find(({ outputs }) => outputs.includes(value))!;
  expect(opType).toBe("DequantizeLinear");
  const { data } = graph.initializers.get(inputs[1]!)!;
  return new DataView(data.buffer, data.byteOffset).getFloat32(0, true);
}

test.each(Object.entries(MASKED))(
  "masks leave scores their codes in scheme a16w8: %s",
  async (_name, change) => {
    const directory = await quantized({ ...tied, ...change }, "a16w8");
    for (const part of ["encoder", "decoder"]) {
      const graph = await readOnnx(join(directory, `${part}.8.onnx`));
      const softmaxes = graph.nodes.filter(({ opType }) => opType === "Softmax");
      expect(softmaxes.length, part).toBeGreaterThan(0);
      // Scores of a few units and the 20 below them; down to -32,768 a code would be 0.5.
      for (const { inputs } of softmaxes) expect(scaleOf(graph, inputs[0]!), part).toBeLessThan(0.001);
    }
  },
);
