/** A teacher without a model, for tests: its distribution at a position is a pure function of the previous tokens. */
import { createRandom, type StepDecoder } from "@slm/generation";
import { decoderOnlyConfig } from "@slm/model";
import { createHostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import { pairsOf, type TokenPairs } from "@slm/training";
import { decodeWith, generateWith } from "../models/generate.js";
import type { ScoredPair, Teacher } from "../models/teacher.js";

/** Shapes of a synthetic teacher's distributions. */
export type Sharpness = "flat" | "broad" | "peaked";
const SPREAD: Readonly<Record<Sharpness, number>> = { flat: 0.01, broad: 3, peaked: 1 };

export interface MadeUpTeacher extends Teacher {
  /** Number of calls of {@link Teacher.score}. */
  readonly scored: () => number;
}

/** Normally distributed logits of a row, with one outlier if peaked. */
function madeUpLogits(seed: number, vocabularySize: number, sharpness: Sharpness = "broad"): Float32Array {
  const { next } = createRandom(seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const logits = Float32Array.from({ length: vocabularySize }, () => SPREAD[sharpness] * normal());
  if (sharpness === "peaked") logits[Math.floor(next() * vocabularySize)]! += 20;
  return logits;
}

const seedOf = (tokens: Iterable<number>): number => {
  let hash = 2166136261;
  for (const token of tokens) hash = Math.imul(hash ^ token, 16777619) >>> 0;
  return hash;
};

/** @param salt distinguishes synthetic teachers */
export function madeUpTeacher(
  engine: Engine,
  options: { readonly vocabularySize: number; readonly salt?: number; readonly sharpness?: Sharpness },
): MadeUpTeacher {
  const { vocabularySize, salt = 0, sharpness } = options;
  const config = decoderOnlyConfig.parse({
    width: 4,
    heads: 1,
    kvHeads: 1,
    headDim: 4,
    feedForward: 4,
    decoderLayers: 1,
    maxSource: 8,
    maxTarget: 8,
    vocabularySize,
    tokens: { pad: 0, bos: 1, eos: 2, unknown: 3 },
  });
  const logitsAfter = (source: ArrayLike<number>, prefix: Iterable<number>): Float32Array =>
    madeUpLogits(seedOf([salt, ...Array.from(source), -1, ...prefix]), vocabularySize, sharpness);
  let calls = 0;
  const start: Teacher["start"] = (sources, { batch }) => {
    let rows = Array.from({ length: batch }, (_, row) => ({
      source: sources[row] ?? sources[0]!,
      fed: [] as number[],
    }));
    const decoder: StepDecoder = {
      rows: batch,
      vocabularySize,
      step: (tokens) => {
        const logits = new Float32Array(batch * vocabularySize);
        rows.forEach(({ source, fed }, row) => {
          fed.push(tokens[row]!);
          logits.set(logitsAfter(source, fed.slice(1)), row * vocabularySize);
        });
        return Promise.resolve(logits);
      },
      permuteRows: (order) => {
        rows = order.map((row) => ({ ...rows[row]!, fed: [...rows[row]!.fed] }));
        return Promise.resolve();
      },
    };
    return Promise.resolve(decoder);
  };
  return {
    config,
    parameters: 10,
    start,
    decode: decodeWith(start, config.tokens),
    generate: generateWith(start, config.tokens),
    score: (pairs, { batch, target }) => {
      calls += 1;
      const logits = new Float32Array(batch * target * vocabularySize);
      pairs.forEach((pair, row) => {
        for (let i = 0; i <= pair.target.length; i++) {
          const prefix = Array.from(pair.target).slice(0, i);
          logits.set(logitsAfter(pair.source, prefix), (row * target + i) * vocabularySize);
        }
      });
      return engine.upload(createHostTensor("float32", [batch * target, vocabularySize], logits));
    },
    scored: () => calls,
    close: () => Promise.resolve(),
  };
}

/** Distinct random pairs with one to four tokens per side. */
export function randomPairs(count: number, vocabularySize: number, seed = 3): readonly ScoredPair[] {
  const { next } = createRandom(seed);
  const below = (limit: number): number => Math.floor(next() * limit);
  const list = (): number[] =>
    Array.from({ length: 1 + below(4) }, () => Math.min(4, vocabularySize - 1) + below(vocabularySize - 4));
  return Array.from({ length: count }, () => ({ source: list(), target: list() }));
}

export const tokenPairs = (pairs: readonly ScoredPair[]): TokenPairs =>
  pairsOf(
    pairs.map(({ source }) => source),
    pairs.map(({ target }) => target),
  );

/** Log-probabilities of a row of logits. */
export function logSoftmax(logits: ArrayLike<number>): number[] {
  const values = Array.from(logits);
  const largest = Math.max(...values);
  const normalizer = largest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - largest), 0));
  return values.map((value) => value - normalizer);
}

/** KL(exact || other) of two lists of log-probabilities [nats]. */
export const divergence = (exact: readonly number[], other: ArrayLike<number>): number =>
  exact.reduce((sum, value, id) => sum + Math.exp(value) * (value - other[id]!), 0);
