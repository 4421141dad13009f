/** A tiny teacher, tiny students of both architectures, and pairs for all of them. */
import { createRandom } from "@slm/generation";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
  type Weights,
} from "@slm/model";
import { TINY_SHAPE } from "@slm/model/testing";
import type { Engine } from "@slm/tensor";
import { packWeights, pairsOf, planChunks, valueInput, type LiveModel, type TokenPairs } from "@slm/training";
import type { Corpus } from "../sources/corpus.js";

const shared = {
  ...TINY_SHAPE,
};

export const teacherConfig: DecoderOnlyConfig = decoderOnlyConfig.parse(shared);
export const studentConfig: EncoderDecoderConfig = encoderDecoderConfig.parse({
  ...shared,
  encoderLayers: 1,
});
/** The control arm: the same shape without an encoder. */
export const decoderOnlyStudent: DecoderOnlyConfig = decoderOnlyConfig.parse({ ...shared, width: 6 });

const seeded = (config: ModelConfig, seed: number): Weights =>
  initializeWeights(config, createRandom(seed).next);

export const teacherWeights: Weights = seeded(teacherConfig, 1);
export const studentWeights: Weights = seeded(studentConfig, 2);
export const decoderOnlyWeights: Weights = seeded(decoderOnlyStudent, 4);

const pairLists = (count: number): { sources: number[][]; targets: number[][] } => {
  const { next } = createRandom(3);
  const list = (): number[] =>
    Array.from({ length: 1 + Math.floor(next() * 4) }, () => 4 + Math.floor(next() * 5));
  return { sources: Array.from({ length: count }, list), targets: Array.from({ length: count }, list) };
};

/** Pairs of one to four tokens on each side. */
function tinyPairs(count: number): TokenPairs {
  const { sources, targets } = pairLists(count);
  return pairsOf(sources, targets);
}

/** The same pairs as a corpus with the same tokens for both models. */
export function tinyCorpus(count: number): Corpus {
  const pairs = tinyPairs(count);
  return {
    pairs,
    teacherPairs: pairs,
    read: async (rows) => {
      const tokens = await pairs.read(rows);
      return { ...tokens, teacherTokens: tokens };
    },
    close: () => Promise.resolve(),
  };
}

/** A model on an engine, as runs pass it to objectives. */
export async function liveModel(engine: Engine, config: ModelConfig, weights: Weights): Promise<LiveModel> {
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  return { engine, config, feeds };
}
