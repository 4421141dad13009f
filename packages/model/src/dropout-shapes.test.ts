import { createRandom } from "@slm/generation";
import { math, withDropout, type Tensor } from "@slm/tensor";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { describe, expect, test } from "vitest";
import type { ModelConfig } from "./config/config.js";
import { parseModelConfig } from "./config/parse-model-config.js";
import { decode, decodeStep } from "./decoder.js";
import { decoderDropoutShapes, encoderDropoutShapes } from "./dropout-shapes.js";
import { readSource } from "./source-context.js";
import { initializeWeights } from "./parameters/weights.js";
import { compute, int32, TINY_SHAPE } from "./testing/index.js";
import { withCode } from "@slm/core/testing";

const [BATCH, SOURCE, TARGET] = [2, 3, 4];

const shared = {
  ...TINY_SHAPE,
  decoderLayers: 2,
  vocabularySize: 11,
};
const encoderDecoder = parseModelConfig(
  { ...shared, architecture: "encoder-decoder", encoderLayers: 3 },
  "test",
);
const pooling = parseModelConfig(
  { ...encoderDecoder, encoderPooling: { afterLayers: [1, 3], group: 2 } },
  "test",
);
const decoderOnly = parseModelConfig({ ...shared, architecture: "decoder-only" }, "test");

type Inputs = Readonly<Record<string, Tensor>>;
type Shapes = readonly (readonly number[])[];

/** The masks that a whole pass over source (if there is one) and target uses, in order. */
const shapesOf = (config: ModelConfig): Shapes => [
  ...(config.architecture === "encoder-decoder" ? encoderDropoutShapes(config, BATCH, SOURCE) : []),
  ...decoderDropoutShapes(config, BATCH, TARGET),
];

function hidden(config: ModelConfig, x: Inputs): Tensor {
  if (config.architecture === "decoder-only") return decode(config, x, x["target"]!);
  const [ids, lengths] = [x["source"]!, x["lengths"]!];
  const { context } = readSource(config, x, { ids, lengths });
  return decode(config, x, x["target"]!, { source: context });
}

const mask = (shape: readonly number[], value: number): HostTensor =>
  createHostTensor("float32", shape, new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(value));

/** Runs a pass with the given masks, or without dropout. */
async function run(
  config: ModelConfig,
  masks: readonly HostTensor[] | undefined,
  build: (x: Inputs) => Tensor = (x) => hidden(config, x),
): Promise<number[]> {
  const named = Object.fromEntries((masks ?? []).map((tensor, index) => [`mask.${index}`, tensor]));
  const feeds = {
    ...Object.fromEntries(initializeWeights(config, createRandom(1).next)),
    ...named,
    source: int32([BATCH, SOURCE], [4, 5, 6, 7, 8, 0]),
    lengths: int32([BATCH], [3, 2]),
    next: int32([BATCH, 1], [5, 6]),
    target: int32([BATCH, TARGET], [1, 5, 6, 7, 1, 9, 8, 2]),
  };
  const masked = (x: Inputs): Tensor => {
    const tensors = Object.keys(named).map((name) => x[name]!);
    return masks === undefined ? build(x) : withDropout(tensors, () => build(x));
  };
  const { out } = await compute(feeds, (x) => ({ out: masked(x) }), ["out"]);
  return Array.from(out!.data, Number);
}

describe.each([
  ["encoder-decoder", encoderDecoder, 1 + 2 * 3 + 1 + 3 * 2],
  ["encoder-decoder that pools tokens", pooling, 1 + 2 * 3 + 1 + 3 * 2],
  ["decoder-only", decoderOnly, 1 + 2 * 2],
] as const)("masks of %s", (_architecture, config, count) => {
  const ones = shapesOf(config).map((shape) => mask(shape, 1));

  test("match the masks that a pass uses, in number, shape and order", async () => {
    expect(ones).toHaveLength(count);
    await run(config, ones);
    await expect(run(config, ones.slice(1))).rejects.toThrow(withCode("UNEXPECTED"));
    await expect(run(config, [...ones, mask([1], 1)])).rejects.toThrow(withCode("UNEXPECTED"));
    if (config.architecture === "encoder-decoder")
      await expect(run(config, [...ones].reverse())).rejects.toThrow(withCode("UNEXPECTED"));
  });

  test("of ones change nothing; each of zeros alone changes the result", async () => {
    const plain = await run(config, undefined);
    expect(await run(config, ones)).toEqual(plain);
    for (const index of ones.keys()) {
      const masks = ones.map((one, at) => (at === index ? mask(one.shape, 0) : one));
      expect(await run(config, masks), `mask ${index}`).not.toEqual(plain);
    }
  });
});

test("a cached step uses no mask", async () => {
  const step = (x: Inputs): Tensor => {
    const cache = math.zeros([BATCH, decoderOnly.kvHeads, TARGET, decoderOnly.headDim]);
    const caches = [
      { key: cache, value: cache },
      { key: cache, value: cache },
    ];
    const options = { caches, capacity: TARGET, pastLength: x["lengths"]! };
    return decodeStep(decoderOnly, x, x["next"]!, options).hidden;
  };
  expect(await run(decoderOnly, [], step)).toEqual(await run(decoderOnly, undefined, step));
});
