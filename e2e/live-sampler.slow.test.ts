/** Sampling in a compiled program draws the same tokens as in eager mode. */
import { TINY_SHAPE } from "@slm/model/testing";
import { createRandom } from "@slm/generation";
import { decoderOnlyConfig, encoderDecoderConfig, initializeWeights, type ModelConfig } from "@slm/model";
import type { Runtime } from "@slm/runtime";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine, type Engine } from "@slm/tensor";
import { OnPolicySampler, packWeights, planChunks, valueInput, type LiveModel } from "@slm/training";
import { afterAll, beforeAll, expect, test } from "vitest";

let runtime: Runtime;
let engines: readonly Engine[];
beforeAll(async () => {
  runtime = await createCpuRuntime({ inThread: true, threads: 2 });
  engines = [await createEagerEngine("js"), createOnnxEngine(runtime)];
});
afterAll(() => runtime.close());

const shape = { ...TINY_SHAPE, decoderLayers: 2, maxTarget: 32, vocabularySize: 40 };
const MODELS: Readonly<Record<string, ModelConfig>> = {
  "encoder-decoder": encoderDecoderConfig.parse({ ...shape, encoderLayers: 1 }),
  "encoder-decoder that pools tokens": encoderDecoderConfig.parse({
    ...shape,
    encoderLayers: 2,
    encoderPooling: { afterLayers: [1] },
  }),
  "decoder-only": decoderOnlyConfig.parse(shape),
};
const sources = [Int32Array.of(4, 5, 6), Int32Array.of(7), Int32Array.of(8, 8), Int32Array.of(9, 4, 9)];

/** Target lengths for one run and for several; all candidates, and few. */
const cases = Object.entries(MODELS).flatMap(([name, config]) =>
  [6, 30].flatMap((target) => [5, 64].map((topK) => ({ name, config, target, topK }))),
);

test.each(cases)("$name, $target tokens, top $topK", async ({ config, target, topK }) => {
  const weights = initializeWeights(config, createRandom(3).next);
  const drawn: number[][][] = [];
  for (const engine of engines) {
    const feeds: Record<string, LiveModel["feeds"][string]> = {};
    for (const chunk of planChunks(config))
      feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
    const live = { engine, config, feeds };
    const sampler = await OnPolicySampler.create(
      live,
      { rows: 5, source: 3, target },
      { temperature: 0.8, topK },
    );
    drawn.push(await sampler.sample(feeds, sources, createRandom(4).next));
    drawn.push(await sampler.sample(feeds, sources, createRandom(4).next));
    await sampler.close();
  }
  for (const one of drawn) expect(one).toEqual(drawn[0]);
  expect(new Set(drawn[0]!.flat()).size).toBeGreaterThan(4);
});
