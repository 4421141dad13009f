/**
 * Generation with static graphs returns the same tokens as with graphs for target cpu, for every strategy, source length and batch. Models
 * have random weights, so that neighbouring tokens and repetitions have no influence.
 */
import { createRandom, type TokenConstraint } from "@slm/generation";
import type { GenerateOptions, Model } from "@slm/inference";
import type { DecoderOnlyConfig, EncoderDecoderConfig, ModelConfig } from "@slm/model";
import type { ExportChoice } from "@slm/onnx-export";
import { beforeAll, describe, expect, test } from "vitest";
import * as letters from "./letter-models.js";
import { TinyModels } from "./tiny-models.js";

const WORDS = "A B C D E F G H I J";

const sizes = {
  maxTarget: 14,
  headOrder: "grouped",
  vocabularySize: 4 + letters.LETTERS.length + WORDS.split(" ").length,
} as const;
const encoderDecoder: EncoderDecoderConfig = { ...letters.random, ...sizes };
const decoderOnly: DecoderOnlyConfig = { ...letters.decoderOnly, ...sizes };

const MODELS: Readonly<Record<string, ModelConfig>> = {
  "an encoder-decoder": encoderDecoder,
  "an encoder-decoder with gates, norms of heads and an untied, capped head": {
    ...encoderDecoder,
    activation: "swiglu",
    qkNorm: true,
    tieWordEmbeddings: false,
    logitSoftcap: 8,
  },
  "an encoder-decoder with a recurrence in place of self-attention": {
    ...encoderDecoder,
    decoderRecurrence: "ssru",
  },
  "an encoder-decoder with one attention over target and source": {
    ...encoderDecoder,
    mergedAttention: true,
    qkNorm: true,
    slidingWindow: { window: 4, encoderLayers: [1], decoderLayers: [0] },
  },
  "a decoder-only model": decoderOnly,
};

const NPU: ExportChoice = { target: "npu", profile: "qnn", buckets: [5, 12, 64] };
/** The chunk divides neither the longest source nor the window. */
const CHUNK = 6;

const models = new TinyModels({ threads: 1, letters: letters.LETTERS, words: WORDS, isCompared: false });
const open: TinyModels["open"] = (...given) => models.open(...given);
const exported = async (config: ModelConfig, seed: number, choice: ExportChoice): Promise<string> =>
  (await models.exported(config, choice, letters.weightsOf(config, seed))).directory;

const textOf = (length: number, random: () => number): string =>
  Array.from({ length }, () => letters.LETTERS[Math.floor(random() * letters.LETTERS.length)]!).join("");

/** Sources of every length that the model supports, unordered. */
function sourcesOf(longest: number, seed: number): readonly string[] {
  const { next } = createRandom(seed);
  const lengths = Array.from({ length: longest }, (_, at) => at + 1);
  return lengths.sort(() => next() - 0.5).map((length) => textOf(length, next));
}

/** Allows ids with the same parity as the previous one, starting with an even one. A text can end after three tokens. */
const alternating = (length = 0, last = 1): TokenConstraint => {
  const allows = (id: number): boolean =>
    id === encoderDecoder.tokens.eos ? length >= 3 : id > 3 && id % 2 !== last % 2;
  return {
    allows,
    mask: (scores) => {
      for (const id of scores.keys()) if (!allows(id)) scores[id] = -Infinity;
    },
    after: (id) => alternating(length + 1, id),
  };
};

const STRATEGIES: Readonly<Record<string, GenerateOptions>> = {
  greedy: {},
  "four beams": { strategy: { kind: "beam", beams: 4, lengthPenalty: 1 } },
  sampling: { strategy: { kind: "sample", temperature: 0.9, topK: 8, topP: 0.95 }, seed: 5 },
  "greedy under a constraint": { constraint: () => alternating() },
  "four beams under a constraint": {
    strategy: { kind: "beam", beams: 4, lengthPenalty: 1 },
    constraint: () => alternating(),
  },
  "sampling under a constraint": {
    strategy: { kind: "sample", temperature: 1.1 },
    seed: 9,
    constraint: () => alternating(),
  },
  "greedy with penalties": { rules: { repetitionPenalty: 1.3, presencePenalty: 0.4, frequencyPenalty: 0.2 } },
  "five tokens at most": { maxTokens: 5 },
};

describe.each(Object.entries(MODELS))("%s", (_name, config) => {
  const seeds = [1, 2];
  const pairs: { readonly cpu: Model; readonly npu: Model }[] = [];

  beforeAll(async () => {
    for (const seed of seeds) {
      const directory = await exported(config, seed, {
        ...NPU,
        chunk: config.architecture === "decoder-only" ? CHUNK : undefined,
      });
      const cpu = await open(await exported(config, seed, { target: "cpu" }));
      pairs.push({ cpu, npu: await open(directory) });
    }
  });

  test.each(Object.entries(STRATEGIES))("answers as target cpu does: %s", async (_strategy, options) => {
    const answers = new Set<string>();
    for (const [at, { cpu, npu }] of pairs.entries()) {
      const sources = sourcesOf(config.maxSource, seeds[at]!);
      const expected = await cpu.generate(sources, options);
      // In batches of rows, and one by one.
      const actual = await npu.generate(sources, { ...options, batchSize: 7 });
      const tokensOf = (results: typeof expected): readonly (readonly number[])[] =>
        results.map(({ tokens }) => tokens);
      expect(tokensOf(actual)).toEqual(tokensOf(expected));
      expect(actual.map(({ reason }) => reason)).toEqual(expected.map(({ reason }) => reason));
      for (const { tokens } of actual) answers.add(tokens.join());
    }
    // Identical answers would prove little.
    expect(answers.size).toBeGreaterThan(config.maxSource / 2);
  });
});

test("a prompt that fills the window is rejected, one that leaves a token is answered", async () => {
  const npu = await open(await exported(decoderOnly, 1, { ...NPU, chunk: CHUNK, window: 10 }));
  expect(npu.description).toMatchObject({ maxSource: 9, maxTarget: 10 });
  const [answer] = await npu.generate(["a".repeat(9)]);
  expect(answer!.stepsMs).toHaveLength(1);
  await expect(npu.generate(["a".repeat(10)])).rejects.toMatchObject({ code: "DATA_INVALID" });
});
