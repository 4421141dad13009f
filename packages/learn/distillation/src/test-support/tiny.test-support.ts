/** A tiny teacher, a tiny student and pairs for both. */
import { createRandom } from "@slm/decoding";
import {
  decoderOnlyConfig,
  encoderDecoderConfig,
  initializeWeights,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type Weights,
} from "@slm/model";
import { pairsOf, type TokenPairs } from "@slm/training";

const shared = {
  width: 8,
  heads: 2,
  kvHeads: 1,
  headDim: 4,
  feedForward: 12,
  decoderLayers: 1,
  maxSource: 8,
  maxTarget: 8,
  vocabularySize: 9,
  tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
};

export const teacherConfig: DecoderOnlyConfig = decoderOnlyConfig.parse(shared);
export const studentConfig: EncoderDecoderConfig = encoderDecoderConfig.parse({
  ...shared,
  encoderLayers: 1,
});

export const teacherWeights: Weights = initializeWeights(teacherConfig, createRandom(1).next);
export const studentWeights: Weights = initializeWeights(studentConfig, createRandom(2).next);

/** Pairs of one to four tokens on each side. */
export function tinyPairs(count: number): TokenPairs {
  const { next } = createRandom(3);
  const list = (): number[] =>
    Array.from({ length: 1 + Math.floor(next() * 4) }, () => 4 + Math.floor(next() * 5));
  return pairsOf(Array.from({ length: count }, list), Array.from({ length: count }, list));
}
