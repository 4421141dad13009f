import { createRandom } from "@slm/generation";
import { appendPositions, PRESENT_KV, createHostTensor, type PresentKv, type HostTensor } from "@slm/runtime";
import { lengthBias, type ProgramDefinition, type Tensor } from "@slm/tensor";
import { expect, test } from "vitest";
import type { ModelConfig } from "./config/config.js";
import { parseModelConfig } from "./config/parse-model-config.js";
import { decode, decodeStep, outputHead, type SelfCache, type SourceContext } from "./decoder.js";
import { crossCaches, encode } from "./encoder.js";
import { cacheHeads, cacheParts } from "./config/options.js";
import { initializeWeights } from "./parameters/weights.js";
import { compute, int32, TINY_SHAPE } from "./testing/index.js";

const CAPACITY = 6;
const TARGET = 4;
const BATCH = 3;
const SOURCE = 3;

const shared = {
  ...TINY_SHAPE,
  heads: 4,
  kvHeads: 2,
  decoderLayers: 2,
  ropeTheta: 50,
  vocabularySize: 11,
};

const configs: readonly ModelConfig[] = [
  { architecture: "encoder-decoder", encoderLayers: 1, headOrder: "modulo" },
  { architecture: "encoder-decoder", encoderLayers: 2, headOrder: "grouped" },
  { architecture: "encoder-decoder", encoderLayers: 1, mergedAttention: true },
  {
    architecture: "encoder-decoder",
    encoderLayers: 2,
    encoderHeads: { heads: 2, kvHeads: 1, headDim: 6 },
    qkNorm: true,
  },
  {
    architecture: "encoder-decoder",
    encoderLayers: 2,
    encoderWidth: 10,
    encoderHeads: { heads: 2, kvHeads: 1, headDim: 6 },
    sourceVocabularySize: 10,
    postNorm: true,
  },
  { architecture: "encoder-decoder", encoderLayers: 1, decoderRecurrence: "ssru", norm: "layer" },
  { architecture: "decoder-only", headOrder: "grouped" },
  {
    architecture: "decoder-only",
    headOrder: "modulo",
    qkNorm: true,
    attentionSoftcap: 2,
    logitSoftcap: 3,
    ropeInverseFrequencies: [0.9, 0.2],
    slidingWindow: { window: 2, layers: [1], ropeTheta: 7 },
  },
].map((own) => parseModelConfig({ ...shared, ...own }, "test"));

const targets = [3, 5, 7, 9, 4, 4, 6, 8, 10, 3, 9, 1];
const source = {
  ids: int32([BATCH, SOURCE], [4, 5, 6, 7, 8, 0, 9, 0, 0]),
  lengths: int32([BATCH], [3, 2, 1]),
};

type Inputs = Readonly<Record<string, Tensor>>;

function contextOf(config: ModelConfig, x: Inputs): { source?: SourceContext } {
  if (config.architecture === "decoder-only") return {};
  const { ids, lengths } = { ids: x["source"]!, lengths: x["lengths"]! };
  const { states: encoded } = encode(config, x, ids, { lengths });
  return {
    source: {
      cross: crossCaches(config, x, encoded),
      bias: lengthBias({ lengths, ids }, {}),
    },
  };
}

function run(
  config: ModelConfig,
  feeds: Readonly<Record<string, HostTensor>>,
  build: ProgramDefinition["build"],
  fetch: readonly string[],
): ReturnType<typeof compute> {
  const weights = initializeWeights(config, createRandom(12345).next);
  const given = { ...Object.fromEntries(weights), source: source.ids, lengths: source.lengths };
  return compute({ ...given, ...feeds }, build, fetch);
}

async function wholeTarget(config: ModelConfig): Promise<Float32Array> {
  const { logits } = await run(
    config,
    { ids: int32([BATCH, TARGET], targets) },
    (x) => ({ logits: outputHead(config, x, decode(config, x, x["ids"]!, contextOf(config, x))) }),
    ["logits"],
  );
  return logits!.data as Float32Array;
}

const cacheNames = (config: ModelConfig): string[] =>
  Array.from({ length: config.decoderLayers }, (_, layer) =>
    cacheParts(config).map((part) => `${layer}.${part}`),
  ).flat();

/** Logits of the new position of each row, and the caches after it. */
async function step(
  { config, form }: { readonly config: ModelConfig; readonly form: PresentKv },
  tokens: readonly number[],
  positions: readonly number[],
  caches: Readonly<Record<string, HostTensor>>,
): Promise<Readonly<Record<string, HostTensor>>> {
  const feeds = { ids: int32([BATCH, 1], tokens), position: int32([BATCH], positions), ...caches };
  const { logits, ...present } = await run(
    config,
    feeds,
    (x) => {
      const past = Array.from({ length: config.decoderLayers }, (_, layer): SelfCache =>
        Object.fromEntries(cacheParts(config).map((part) => [part, x[`${layer}.${part}`]!])),
      );
      const { hidden, caches: present } = decodeStep(config, x, x["ids"]!, {
        ...contextOf(config, x),
        caches: past,
        capacity: CAPACITY,
        pastLength: x["position"]!,
        form,
      });
      const outputs: Record<string, Tensor> = { logits: outputHead(config, x, hidden) };
      present.forEach((cache, layer) => {
        for (const part of cacheParts(config)) outputs[`${layer}.${part}`] = cache[part]!;
      });
      return outputs;
    },
    ["logits", ...cacheNames(config)],
  );
  if (form === "full") return { logits: logits!, ...present };
  for (const name of cacheNames(config)) appendPositions("test", caches[name]!, present[name]!, positions);
  return { logits: logits!, ...caches };
}

function emptyCaches(config: ModelConfig): Record<string, HostTensor> {
  const { kvHeads, headDim } = cacheHeads(config);
  // Not zero: the previous contents of a slot must not matter.
  const stale = (): HostTensor =>
    createHostTensor(
      "float32",
      [BATCH, kvHeads, CAPACITY, headDim],
      new Float32Array(BATCH * kvHeads * CAPACITY * headDim).fill(3),
    );
  return Object.fromEntries(cacheNames(config).map((name) => [name, stale()]));
}

/** The token of each row at its own position. */
const tokensAt = (positions: readonly number[]): number[] =>
  positions.map((position, row) => targets[row * TARGET + position]!);

/** Expects each row's logits to be those of its position in the whole target. */
function expectRows(logits: HostTensor, whole: Float32Array, positions: readonly number[]): void {
  const vocab = logits.data.length / BATCH;
  positions.forEach((position, row) => {
    const begin = (row * TARGET + position) * vocab;
    for (let v = 0; v < vocab; v++)
      expect(Number(logits.data[row * vocab + v])).toBeCloseTo(whole[begin + v]!, 5);
  });
}

const cases = configs.flatMap((config) =>
  PRESENT_KV.map(
    (form) =>
      [
        `${config.architecture}, ${config.headOrder} heads, ${cacheParts(config).join(" and ")}, caches ${form}`,
        { config, form },
      ] as const,
  ),
);

test.each(cases)("rows at different positions share a step: %s", async (_label, model) => {
  const { config } = model;
  const whole = await wholeTarget(config);
  let caches = emptyCaches(config);
  // Row r waits r steps and overwrites its first slot meanwhile, then continues alone.
  for (let time = 0; time < TARGET + BATCH - 1; time++) {
    const positions = Array.from({ length: BATCH }, (_, row) =>
      Math.min(TARGET - 1, Math.max(0, time - row)),
    );
    const { logits, ...present } = await step(model, tokensAt(positions), positions, caches);
    caches = present;
    expectRows(logits!, whole, positions);
  }
});

test("caches that grow with the target are read within the window, too", async () => {
  const config = configs.at(-1)!;
  const [whole, { kvHeads, headDim }] = [await wholeTarget(config), cacheHeads(config)];
  const none = createHostTensor("float32", [BATCH, kvHeads, 0, headDim], new Float32Array(0));
  let caches: Readonly<Record<string, HostTensor>> = Object.fromEntries(
    cacheNames(config).map((name) => [name, none]),
  );
  for (let position = 0; position < TARGET; position++) {
    const positions = [position, position, position];
    const { logits, ...present } = await step(
      { config, form: "full" },
      tokensAt(positions),
      positions,
      caches,
    );
    caches = present;
    expectRows(logits!, whole, positions);
  }
});
