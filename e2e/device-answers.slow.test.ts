/**
 * Tokens chosen by the additional graphs of a GPU decoder must equal those of the host's sampler and beam search for the same logits, on
 * the CPU provider in float32.
 */
import { beamSearch, loadGraphs, type GenerateOptions, type Generation } from "@slm/inference";
import { createModel } from "../packages/inference/src/generate/decoding-model.js";
import { graphDecoding } from "../packages/inference/src/generate/graph-decoding.js";
import { describe, expect, test } from "vitest";
import { decoderOnly, encoderDecoder } from "./random-models.js";
import { TinyModels } from "./tiny-models.js";

/** The size of the tiny models' vocabulary. */
const VOCABULARY = 9;
const SOURCES = ["abc", "bca", "caa", "acb"];

const exporter = new TinyModels({ threads: 1 });

interface Answers {
  readonly inGraphs: readonly Generation[];
  readonly onHost: readonly Generation[];
}

/** Computes the answers of every request both ways. */
async function answers(
  config: typeof encoderDecoder | typeof decoderOnly,
  requests: readonly GenerateOptions[],
): Promise<Answers> {
  const shape = { ...config, vocabularySize: VOCABULARY };
  const { directory } = await exporter.exported(shape, { target: "gpu", profile: "cuda" });
  const loaded = await loadGraphs(directory, exporter.runtime);
  expect(loaded.tokenGraphs).toBeDefined();
  const [inGraphs, onHost] = [loaded, { ...loaded, tokenGraphs: undefined }].map((model) =>
    createModel(graphDecoding(model), directory),
  );
  const [first, second] = [[] as Generation[], [] as Generation[]];
  for (const request of requests) {
    first.push(...(await inGraphs!.generate(SOURCES, request)));
    second.push(...(await onHost!.generate(SOURCES, request)));
  }
  await inGraphs!.close();
  return { inGraphs: first, onHost: second };
}

function expectAlike({ inGraphs, onHost }: Answers): void {
  expect(onHost.flatMap(({ tokens }) => tokens).length).toBeGreaterThan(50);
  expect(inGraphs.map(({ tokens, reason }) => ({ tokens, reason }))).toEqual(
    onHost.map(({ tokens, reason }) => ({ tokens, reason })),
  );
  inGraphs.forEach(({ logProbability }, at) => {
    expect(logProbability).toBeCloseTo(onHost[at]!.logProbability, 4);
  });
}

describe.each([
  ["encoder-decoder", encoderDecoder],
  ["decoder-only", decoderOnly],
])("%s", (_label, config) => {
  test.each([
    ["all tokens", { temperature: 1 }],
    ["top-k", { temperature: 1.5, topK: 4 }],
    ["top-k of more tokens than there are", { temperature: 1.5, topK: 40 }],
    ["top-p and min-p", { temperature: 2, topP: 0.8, minP: 0.05 }],
  ])("sampled from %s: the same seed gives the same tokens", async (_filter, sampling) => {
    const seeds = Array.from({ length: 12 }, (_, seed) => seed);
    expectAlike(
      await answers(
        config,
        seeds.map((seed) => ({ strategy: { kind: "sample", ...sampling }, seed, maxTokens: 12 })),
      ),
    );
  });

  test.each([1, 2, 5])("with %i beams: the same tokens and scores", async (beams) => {
    const lengths = [4, 8, 11, 12];
    expectAlike(
      await answers(
        config,
        lengths.map((maxTokens) => ({ strategy: beamSearch(beams), maxTokens })),
      ),
    );
  });

  test("rules are applied by the host, from logits", async () => {
    const rules = { repetitionPenalty: 1.3, presencePenalty: 0.5 };
    const requests: GenerateOptions[] = [
      { strategy: { kind: "sample", temperature: 1, topK: 5 }, seed: 4, rules, maxTokens: 12 },
      { strategy: beamSearch(3), rules, maxTokens: 12 },
    ];
    expectAlike(await answers(config, requests));
  });
});
