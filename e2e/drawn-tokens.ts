/** Compares draws of the host's sampler with draws of a graph, on the CPU provider and others. */
import { createRandom, sampleToken, type SamplingOptions } from "@slm/generation";
import { createHostTensor, type Runtime } from "@slm/runtime";
import fc from "fast-check";
import type { TokenGraphs } from "../packages/inference/src/token-graphs/token-graphs.js";

/** Rows of logits and how to draw from them. */
export interface DrawCase {
  readonly vocabularySize: number;
  readonly rows: number;
  readonly seed: number;
  /** Standard deviation of logits, and a step to which they are rounded (0: none), so that many are equal. */
  readonly spread: number;
  readonly quantum: number;
  readonly sampling: SamplingOptions;
}

const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined });

/** At lower temperatures the host itself rounds, and draws the first of equal logits. */
const TEMPERATURES = [1e-6, 0.05, 0.7, 1, 1.7, 1e6, 1e300];

/** Cases of these vocabularies: filters that keep one token, all of them, and more than there are. */
export function drawCases(vocabularies: readonly number[]): fc.Arbitrary<DrawCase> {
  return fc.constantFrom(...vocabularies).chain((vocabularySize) =>
    fc.record({
      vocabularySize: fc.constant(vocabularySize),
      rows: fc.integer({ min: 1, max: 5 }),
      seed: fc.nat({ max: 2 ** 31 }),
      spread: fc.constantFrom(0, 0.5, 2, 20),
      quantum: fc.constantFrom(0, 0, 0.5, 4),
      sampling: fc.record({
        temperature: fc.constantFrom(...TEMPERATURES),
        topK: optional(fc.integer({ min: 1, max: 2 * vocabularySize })),
        topP: optional(fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 1, noNaN: true }))),
        minP: optional(fc.oneof(fc.constantFrom(0, 1), fc.double({ min: 0, max: 1, noNaN: true }))),
      }),
    }),
  );
}

interface Drawn {
  readonly token: number;
  readonly logProbability: number;
}

export interface DrawnRow {
  readonly logits: Float32Array;
  readonly number: number;
  readonly drawn: Drawn;
}

/** Draws from the rows of a case on a runtime. */
export async function drawOn(
  runtime: Runtime,
  graphs: TokenGraphs,
  made: DrawCase,
): Promise<readonly DrawnRow[]> {
  const { vocabularySize, rows, spread, quantum, sampling } = made;
  const { next } = createRandom(made.seed);
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next()) * spread;
  const logits = Float32Array.from({ length: rows * vocabularySize }, () => {
    const value = normal();
    return quantum === 0 ? value : Math.round(value / quantum) * quantum;
  });
  const random = Float64Array.from({ length: rows }, next);
  const uploaded = await runtime.upload(createHostTensor("float32", [rows, vocabularySize], logits));
  const numbers = await graphs.samplingTensor(sampling);
  const { ids, logProbabilities } = await graphs.sample(uploaded, sampling, { numbers, random });
  await runtime.release([uploaded, numbers]);
  return Array.from(random, (number, row) => ({
    logits: logits.subarray(row * vocabularySize, (row + 1) * vocabularySize),
    number,
    drawn: { token: ids[row]!, logProbability: logProbabilities[row]! },
  }));
}

/** Tolerance of random numbers and filter bounds for float32 rounding. */
const ROUNDING = 2e-5;

/** Tokens that the host's sampler can return for these numbers within rounding. The first is its result for the exact numbers. */
export function hostTokens(
  logits: Float32Array,
  sampling: SamplingOptions,
  number: number,
): readonly number[] {
  const at = (options: SamplingOptions, moved: number): number =>
    sampleToken(logits, options, () => Math.min(Math.max(moved, 0), 1 - 2 ** -53));
  const { topP = 1, minP = 0, topK = logits.length } = sampling;
  const isFiltered = topP < 1 || minP > 0 || topK < logits.length;
  const order = [...logits.keys()].sort((a, b) => (isFiltered ? logits[b]! - logits[a]! : 0) || a - b);
  const place = new Map(order.map((id, index) => [id, index]));
  const tokens = [at(sampling, number)];
  for (const p of topP === 1 ? [1] : [topP - ROUNDING, topP, Math.min(1, topP + ROUNDING)])
    for (const share of minP === 0
      ? [0]
      : [minP * (1 - ROUNDING), minP, Math.min(1, minP * (1 + ROUNDING))]) {
      const options = { ...sampling, topP: Math.max(p, ROUNDING), minP: share };
      // An almost neutral filter sorts in another order than no filter.
      const ends = [number - ROUNDING, number + ROUNDING].map((moved) => place.get(at(options, moved))!);
      tokens.push(...order.slice(Math.min(...ends), Math.max(...ends) + 1));
    }
  return [...new Set(tokens)];
}
