import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { metricInterval, runsDifference, runsInterval } from "./bootstrap.js";
import { METRICS } from "./metrics.js";

/** Park and Miller 1988: a fixed sequence of uniform numbers. */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const references = Array.from({ length: 400 }, (_, row) => [`answer ${row}`]);
const right = (share: number): string[] =>
  references.map(([text = ""], row) => (row % 100 < share * 100 ? text : "wrong"));

describe("confidence intervals of metrics", () => {
  test("the interval of a fraction has the width of the binomial distribution", () => {
    const { value, low, high } = metricInterval(METRICS.exactMatch, right(0.8), references, uniform(7));
    expect(value).toBeCloseTo(0.8, 10);
    // 1.96 · sqrt(0.8 · 0.2 / 400) = 0.0392
    expect(low).toBeGreaterThan(0.75);
    expect(low).toBeLessThan(0.77);
    expect(high).toBeGreaterThan(0.83);
    expect(high).toBeLessThan(0.85);
  });

  test("a difference is paired: rows with the same answer from both add no width", () => {
    const better = right(0.8);
    const worse = better.map((text, row) => (row % 20 === 0 ? "wrong" : text));
    const paired = runsDifference(METRICS.exactMatch, [[better], [worse]], references, uniform(7));
    expect(paired.value).toBeCloseTo(0.04, 10);
    expect(paired.low).toBeGreaterThan(0.02);
    expect(paired.high).toBeLessThan(0.065);
    const same = runsDifference(METRICS.exactMatch, [[better], [better]], references, uniform(7));
    expect(same).toEqual({ value: 0, low: 0, high: 0 });
  });

  test("metrics that are not means over rows are computed on the drawn rows as a whole", () => {
    const texts = references.map(([text = ""]) => text);
    const { value } = metricInterval(METRICS.wer, right(0.5), references, uniform(7));
    expect(value).toBe(METRICS.wer.compute(right(0.5), references));
    expect(metricInterval(METRICS.chrf, texts, references, uniform(7))).toEqual({
      value: 100,
      low: 100,
      high: 100,
    });
  });

  test("models on other rows are rejected", () => {
    expect(() =>
      runsDifference(METRICS.exactMatch, [[right(1)], [right(1).slice(1)]], references, uniform(7)),
    ).toThrow(withCode("SHAPE_MISMATCH"));
  });

  test("several trainings give their mean, and widen the interval by how much they differ", () => {
    const runs = [right(0.7), right(0.8), right(0.9)];
    const three = runsInterval(METRICS.exactMatch, runs, references, uniform(7));
    const one = runsInterval(METRICS.exactMatch, [right(0.8)], references, uniform(7));
    expect(three.value).toBeCloseTo(0.8, 10);
    expect(three.high - three.low).toBeGreaterThan(one.high - one.low);
    const gain = runsDifference(METRICS.exactMatch, [runs, [right(0.5)]], references, uniform(7));
    expect(gain.value).toBeCloseTo(0.3, 10);
    expect(gain.low).toBeGreaterThan(0.15);
    const alike = [right(0.8), right(0.8)];
    expect(runsDifference(METRICS.exactMatch, [alike, alike], references, uniform(7))).toEqual({
      value: 0,
      low: 0,
      high: 0,
    });
  });
});
