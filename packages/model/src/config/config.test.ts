import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "./config.js";
import { parseModelConfig } from "./parse-model-config.js";
import { flopsPerToken, parameterCount, parameterSpecs } from "../parameters/parameters.js";
import { initializeWeights, matchWeights } from "../parameters/weights.js";

const decoderOnly = {
  architecture: "decoder-only",
  width: 8,
  heads: 4,
  kvHeads: 2,
  headDim: 4,
  feedForward: 16,
  decoderLayers: 2,
  maxSource: 16,
  maxTarget: 16,
  vocabularySize: 10,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

const encoderDecoder = { ...decoderOnly, architecture: "encoder-decoder", encoderLayers: 3 };

const parse = (changes: Readonly<Record<string, unknown>>): ModelConfig =>
  parseModelConfig({ ...encoderDecoder, ...changes }, "config.json");

describe(parseModelConfig, () => {
  test("accepts both architectures and fills in defaults", () => {
    expect(parse({})).toMatchObject({
      ropeTheta: 10_000,
      normEpsilon: 1e-6,
      bias: true,
      headOrder: "grouped",
    });
    expect(parseModelConfig(decoderOnly, "config.json").architecture).toBe("decoder-only");
  });

  test.each([
    [{ kvHeads: 3 }, "kvHeads 3 does not divide heads 4"],
    [{ headDim: 5 }, "headDim 5 is odd"],
    [{ tokens: { pad: 0, bos: 1, eos: 2, unknown: 10 } }, "beyond the vocabulary of 10"],
    [{ width: 2 ** 30 }, "width"],
    [{ heds: 4 }, "heds"],
    [
      { localRope: { ropeTheta: 100, encoderLayers: [3], decoderLayers: [] } },
      "localRope.encoderLayers contains layer 3, but encoderLayers is 3",
    ],
    [
      { localRope: { ropeTheta: 100, encoderLayers: [], decoderLayers: [2] } },
      "localRope.decoderLayers contains layer 2, but decoderLayers is 2",
    ],
    [{ encoderHeads: { heads: 2, kvHeads: 2, headDim: 5 } }, "encoderHeads: headDim 5 is odd"],
    [{ encoderWidth: 6 }, "encoderWidth 6 differs from width 8, which needs sourceVocabularySize"],
    [
      { encoderWidth: 6, sourceVocabularySize: 5, mergedAttention: true },
      "mergedAttention reads target and source with the same weights: remove encoderWidth",
    ],
    [{ encoderPooling: { afterLayers: [4] } }, "encoderPooling.afterLayers should be ascending and at most"],
    [{ encoderPooling: { afterLayers: [2, 1] } }, "encoderLayers 3, got 2, 1"],
    [{ mergedAttention: true, crossQkNorm: true }, "mergedAttention cannot be combined with crossQkNorm"],
    [
      { mergedAttention: true, decoderRecurrence: "ssru" },
      "decoderRecurrence cannot be combined with mergedAttention",
    ],
    [
      { slidingWindow: { window: 4, encoderLayers: [], decoderLayers: [0] }, decoderRecurrence: "ssru" },
      "decoderRecurrence cannot be combined with slidingWindow.decoderLayers",
    ],
    [
      { positions: { kind: "relative-bias", buckets: 4, maxDistance: 8 }, decoderRecurrence: "ssru" },
      "decoderRecurrence cannot be combined with relative-bias positions",
    ],
  ])("rejects %o by name", (changes, message) => {
    expect(() => parse(changes)).toThrow(message);
    expect(() => parse(changes)).toThrow(withCode("CONFIG_INVALID"));
  });

  test.each([
    [
      { ropeInverseFrequencies: [1, 0.1, 0.01] },
      "ropeInverseFrequencies should be 2 numbers for headDim 4, got 3",
    ],
    [{ slidingWindow: { window: 4, layers: [0, 2] } }, "slidingWindow contains layer 2, but there are 2"],
  ])("rejects attention with %o by name", (changes, message) => {
    expect(() => parseModelConfig({ ...decoderOnly, ...changes }, "config.json")).toThrow(message);
  });
});

/** The paper's 330M model: 20 encoder and 10 decoder layers. */
const paper = {
  architecture: "encoder-decoder",
  encoderLayers: 20,
  decoderLayers: 10,
  width: 1024,
  heads: 6,
  kvHeads: 3,
  headDim: 64,
  feedForward: 4096,
  vocabularySize: 32128,
  maxSource: 1024,
  maxTarget: 1024,
  bias: true,
};

describe(parameterCount, () => {
  test("of the paper's 330M shape is 332.04 million", () => {
    const count = parameterCount(parse(paper));
    const attention = 2 * 1024 * 384 + 2 * 1024 * 192 + 384 + 2 * 192 + 1024;
    const feedForward = 2 * 1024 * 4096 + 4096 + 1024;
    const encoder = 20 * (attention + feedForward + 2 * 1024) + 1024;
    const decoder = 10 * (2 * attention + feedForward + 3 * 1024) + 1024;
    expect(count).toBe(32128 * 1024 + encoder + decoder);
    expect(Math.round(count / 1e4)).toBe(33204);
  });
});

describe(parameterSpecs, () => {
  const names = (changes: object): readonly string[] =>
    parameterSpecs(parseModelConfig({ ...decoderOnly, decoderLayers: 1, ...changes }, "x")).map(
      ({ name }) => name,
    );

  test("adds biases to the configured layers", () => {
    const biases = (bias: unknown): readonly string[] =>
      names({ bias }).flatMap((name) => /layers\.0\.(.+)\.bias$/.exec(name)?.[1] ?? []);
    const inner = ["attention.query", "attention.key", "attention.value"];
    expect(biases("query-key-value")).toEqual(inner);
    expect(biases("attention")).toEqual([...inner, "attention.output"]);
    expect(biases(true)).toEqual([...inner, "attention.output", "feedForward.up", "feedForward.down"]);
  });

  test("adds gates, head norms, post norms and an output head if configured", () => {
    const plain = names({ bias: false });
    const all = names({
      bias: false,
      activation: "swiglu",
      qkNorm: true,
      postNorm: true,
      tieWordEmbeddings: false,
    });
    expect(all.filter((name) => !plain.includes(name))).toEqual([
      "decoder.layers.0.attention.queryNorm.weight",
      "decoder.layers.0.attention.keyNorm.weight",
      "decoder.layers.0.attentionPostNorm.weight",
      "decoder.layers.0.feedForward.gate.weight",
      "decoder.layers.0.feedForwardPostNorm.weight",
      "head.weight",
    ]);
  });
});

test("merged attention over target and source has only self-attention's weights", () => {
  const sizes = { bias: false, encoderLayers: 1, decoderLayers: 1 };
  const [apart, merged] = [parse(sizes), parse({ ...sizes, mergedAttention: true })];
  const names = (config: ModelConfig): string[] => parameterSpecs(config).map(({ name }) => name);
  expect(names(apart).filter((name) => !names(merged).includes(name))).toEqual(
    names(apart).filter((name) => name.includes("crossAttention")),
  );
  const query = 2 * 8 * 16;
  expect(flopsPerToken(merged).encoderPerSourceToken).toBe(flopsPerToken(apart).encoderPerSourceToken);
  expect(flopsPerToken(apart).decoderPerTargetToken - flopsPerToken(merged).decoderPerTargetToken).toBe(
    2 * query,
  );
});

test("flops per token are two per weight of the linear layers, split by which side computes them", () => {
  const { encoderPerSourceToken, decoderPerTargetToken } = flopsPerToken(
    parse({ bias: false, encoderLayers: 1, decoderLayers: 1 }),
  );
  const [query, keyValue, feedForward] = [2 * 8 * 16, 2 * 8 * 8, 2 * 2 * 8 * 16];
  expect(encoderPerSourceToken).toBe(2 * query + 2 * keyValue + feedForward + 2 * keyValue);
  expect(decoderPerTargetToken).toBe(2 * query + 2 * keyValue + 2 * query + feedForward + 2 * 8 * 10);
});

test("flops per source token count layers that read pooled tokens as a fraction", () => {
  const sizes = { bias: false, encoderLayers: 2, decoderLayers: 1 };
  const encoderOf = (changes: object): number =>
    flopsPerToken(parse({ ...sizes, ...changes })).encoderPerSourceToken;
  const pooled = encoderOf({ encoderPooling: { afterLayers: [1], group: 4 } });
  const [query, keyValue, feedForward] = [2 * 8 * 16, 2 * 8 * 8, 2 * 2 * 8 * 16];
  const layer = 2 * query + 2 * keyValue + feedForward;
  expect(pooled).toBe(layer + (layer + 2 * keyValue) / 4);
});

describe("weights", () => {
  type Copy = Map<string, unknown>;
  const config = parse({});
  const weights = initializeWeights(config, () => 0.3);

  test("are initialized as their parameters specify: gains one, biases zero", () => {
    expect([...weights.get("encoder.norm.weight")!.data]).toEqual(new Array<number>(8).fill(1));
    expect([...weights.get("decoder.layers.0.attention.query.bias")!.data]).toEqual(
      new Array<number>(16).fill(0),
    );
    expect([...weights.keys()]).toEqual(parameterSpecs(config).map(({ name }) => name));
  });

  test.each([
    ["missing", (copy: Copy) => copy.delete("decoder.norm.weight")],
    ["not part of this model", (copy: Copy) => copy.set("extra", weights.get("decoder.norm.weight"))],
    ["should be [8]", (copy: Copy) => copy.set("decoder.norm.weight", weights.get("embedding.weight"))],
  ])("of another model are rejected: a tensor that is %s", (message, change) => {
    const copy = new Map(weights);
    change(copy);
    expect(() => matchWeights(config, copy, "model.safetensors")).toThrow(message);
  });
});
