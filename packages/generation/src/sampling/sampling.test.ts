import { describe, expect, test } from "vitest";
import { createRandom } from "./random.js";
import { type SamplingOptions, sampleToken } from "./sampling.js";

const DRAWS = 20_000;

/** Relative frequency of each id over many draws with a fixed seed. */
function frequencies(probabilities: readonly number[], options: SamplingOptions, draws = DRAWS): number[] {
  const logits = Float32Array.from(probabilities, (probability) => Math.log(probability) + 3);
  const { next } = createRandom(11);
  const counts = new Array<number>(probabilities.length).fill(0);
  for (let draw = 0; draw < draws; draw++) counts[sampleToken(logits, options, next)]!++;
  return counts.map((count) => count / draws);
}

function expectFrequencies(actual: readonly number[], expected: readonly number[]): void {
  // Four standard deviations of a relative frequency. An impossible id must never be drawn.
  expected.forEach((probability, id) => {
    const tolerance = 4 * Math.sqrt((probability * (1 - probability)) / DRAWS);
    expect(Math.abs(actual[id]! - probability)).toBeLessThanOrEqual(tolerance);
  });
}

describe(sampleToken, () => {
  test("draws ids as often as they are likely", () => {
    const probabilities = [0.1, 0, 0.4, 0.2, 0.3];
    expectFrequencies(frequencies(probabilities, { temperature: 1 }), probabilities);
  });

  test("a temperature of 1/2 squares the probabilities", () => {
    expectFrequencies(frequencies([0.2, 0.6, 0.2], { temperature: 0.5 }), [1 / 11, 9 / 11, 1 / 11]);
  });

  test("topK draws among the most probable only, lower ids first among equals", () => {
    const actual = frequencies([0.1, 0.25, 0.25, 0.25, 0.15], { temperature: 1, topK: 2 });
    expectFrequencies(actual, [0, 0.5, 0.5, 0, 0]);
  });

  test("topP draws among the fewest ids that reach it", () => {
    const actual = frequencies([0.05, 0.5, 0.3, 0.15], { temperature: 1, topP: 0.7 });
    expectFrequencies(actual, [0, 0.625, 0.375, 0]);
  });

  test("topP counts what topK left, renormalized", () => {
    // Of the kept 0.5 and 0.3 the first is 0.625: enough for 0.6, although 0.5 alone is not.
    const actual = frequencies([0.05, 0.5, 0.3, 0.15], { temperature: 1, topK: 2, topP: 0.6 });
    expectFrequencies(actual, [0, 1, 0, 0]);
  });

  test("minP draws among ids with at least its share of the most probable one's probability", () => {
    const probabilities = [0.1, 0.5, 0.25, 0.15];
    expectFrequencies(frequencies(probabilities, { temperature: 1, minP: 0.4 }), [0, 2 / 3, 1 / 3, 0]);
    expectFrequencies(frequencies(probabilities, { temperature: 1, minP: 1 }), [0, 1, 0, 0]);
  });

  test("minP counts what temperature and topP left", () => {
    // Squared and renormalized: 0.5 and 0.25 become 4 to 1.
    const options = { temperature: 0.5, topP: 0.95, minP: 0.3 };
    expectFrequencies(frequencies([0.1, 0.5, 0.25, 0.15], options), [0, 1, 0, 0]);
  });

  test("topP finds a nucleus larger than its first try", () => {
    const even = new Array<number>(400).fill(1 / 400);
    const actual = frequencies(even, { temperature: 1, topP: 0.5 }, 3000);
    // Of 200 ids, 3000 draws miss the last one once in three million seeds.
    expect(actual.findLastIndex((frequency) => frequency > 0)).toBe(199);
  });

  test("a tiny temperature is greedy and does not overflow", () => {
    expectFrequencies(frequencies([0.3, 0.4, 0.3], { temperature: 1e-3 }), [0, 1, 0]);
  });

  test("the ends of the random range draw the first and the last possible id", () => {
    const logits = Float32Array.of(-Infinity, 0, 0, -Infinity);
    expect(sampleToken(logits, { temperature: 1 }, () => 0)).toBe(1);
    expect(sampleToken(logits, { temperature: 1 }, () => 1 - 2 ** -53)).toBe(2);
  });
});
