import { argmax, createRandom, logSumExp } from "@slm/generation";
import { decoderOnlyConfig, encoderDecoderConfig, type ModelConfig } from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createOnPolicyDecoder } from "./on-policy-decoder.js";
import { OnPolicySampler } from "./on-policy-sampler.js";
import { planSampling } from "./sample-program.js";
import type { LiveModel } from "../contract/training-contract.js";
import { randomLiveModel } from "../test-support/live-model.test-support.js";

const shape = {
  ...TINY_SHAPE,
  decoderLayers: 2,
  maxTarget: 40,
};
const MODELS: readonly ModelConfig[] = [
  encoderDecoderConfig.parse({ ...shape, encoderLayers: 1 }),
  decoderOnlyConfig.parse(shape),
];

const sources = [Int32Array.of(4, 5, 6), Int32Array.of(7), Int32Array.of(8, 8)];
const OPTIONS = { temperature: 1, topK: 9 };

const liveOf = (config: ModelConfig): Promise<LiveModel> => randomLiveModel(config, 3);

const samplerOf = (live: LiveModel, target: number, topK = 9): Promise<OnPolicySampler> =>
  OnPolicySampler.create(live, { rows: 4, source: 3, target }, { ...OPTIONS, topK });

/** Greedy continuations, one token and one row at a time. */
async function greedy(live: LiveModel, source: Int32Array, target: number): Promise<number[]> {
  const decoder = await createOnPolicyDecoder(live, { rows: 1, source: 3, capacity: 50 });
  const step = await decoder.start([source]);
  const tokens: number[] = [];
  for (let token = 1; tokens.length < target;) {
    const logits = await step.step(Int32Array.of(token));
    token = logits.indexOf(Math.max(...logits));
    if (token === live.config.tokens.eos) break;
    tokens.push(token);
  }
  return tokens;
}

test.each(MODELS)("a live $architecture model picks the argmax of its logits in its step", async (config) => {
  const live = await liveOf(config);
  const decoder = await createOnPolicyDecoder(live, { rows: 4, source: 3, capacity: 12 });
  const fed = [1, 4, 3, 5].map((token) => Int32Array.of(token, 5, token, 6));
  const fromLogits: { readonly id: number; readonly logProbability: number }[] = [];
  const step = await decoder.start(sources);
  for (const tokens of fed) {
    const logits = await step.step(tokens);
    const vocabulary = logits.length / 4;
    for (let row = 0; row < 4; row++) {
      const own = logits.subarray(row * vocabulary, (row + 1) * vocabulary);
      const id = argmax(own);
      fromLogits.push({ id, logProbability: own[id]! - logSumExp(own) });
    }
  }
  const again = await decoder.start(sources);
  let place = 0;
  for (const tokens of fed) {
    const { ids, logProbabilities } = await again.topStep!(tokens);
    for (let row = 0; row < 4; row++, place++) {
      expect(ids[row]).toBe(fromLogits[place]!.id);
      expect(logProbabilities[row]).toBeCloseTo(fromLogits[place]!.logProbability, 4);
    }
  }
  await decoder.close();
});

describe.each(MODELS)("sampling from a live $architecture model", (config) => {
  test("of the most probable token alone is greedy decoding, in one run or in several", async () => {
    const live = await liveOf(config);
    for (const target of [5, 30]) {
      const sampler = await samplerOf(live, target, 1);
      const sampled = await sampler.sample(live.feeds, sources, () => 0.5);
      expect(sampled.length).toBe(sources.length);
      for (const [row, source] of sources.entries())
        expect(sampled[row], `row ${row}`).toEqual(await greedy(live, source, target));
      await sampler.close();
    }
  });

  test("draws tokens as often as the model says", async () => {
    const live = await liveOf(config);
    const decoder = await createOnPolicyDecoder(live, { rows: 1, source: 3, capacity: 8 });
    const step = await decoder.start([sources[0]!]);
    const logits = Array.from(await step.step(Int32Array.of(config.tokens.bos)));
    const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
    const sampler = await OnPolicySampler.create(live, { rows: 40, source: 3, target: 1 }, OPTIONS);
    const { next } = createRandom(5);
    const counts = new Map<number, number>();
    const same = Array.from({ length: 40 }, () => sources[0]!);
    for (let round = 0; round < 25; round++) {
      for (const tokens of await sampler.sample(live.feeds, same, next)) {
        const token = tokens[0] ?? config.tokens.eos;
        counts.set(token, (counts.get(token) ?? 0) + 1);
      }
    }
    logits.forEach((logit, token) => {
      // 1,000 draws: a share is within five standard deviations, 0.08.
      expect(Math.abs((counts.get(token) ?? 0) / 1000 - Math.exp(logit) / total)).toBeLessThan(0.08);
    });
  });
});

test("runs have equal length, are short, and have room for prompt and target", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 300 }), (source, target) => {
      for (const config of MODELS) {
        const { positions, capacity } = planSampling(config, { rows: 1, source, target });
        const needed = target + (config.architecture === "decoder-only" ? source : 0);
        expect(capacity % positions).toBe(0);
        expect(capacity).toBeGreaterThanOrEqual(needed);
        expect(capacity - needed).toBeLessThan(positions);
        expect(positions).toBeLessThanOrEqual(16);
      }
    }),
  );
});
