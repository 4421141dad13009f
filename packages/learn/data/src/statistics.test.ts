import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StatisticsCounter } from "./statistics.js";

describe(StatisticsCounter, () => {
  test("counts characters of sources, tokens of targets, and the different ones of each", () => {
    const counter = new StatisticsCounter();
    counter.add("cat", "K AE T");
    counter.add("a😀", "AH");
    expect(counter.summary()).toEqual({
      sourceLengths: { p50: 2, p95: 3, max: 3 },
      targetLengths: { p50: 1, p95: 3, max: 3 },
      sourceSymbols: 4,
      targetSymbols: 4,
    });
  });

  test("has nothing to say about no rows", () => {
    expect(new StatisticsCounter().summary()).toEqual({
      sourceLengths: { p50: 0, p95: 0, max: 0 },
      targetLengths: { p50: 0, p95: 0, max: 0 },
      sourceSymbols: 0,
      targetSymbols: 0,
    });
  });

  test("percentiles are those of the sorted list (nearest rank)", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 }), (lengths) => {
        const counter = new StatisticsCounter();
        for (const length of lengths) counter.add("x".repeat(length), "T");
        const sorted = [...lengths].sort((a, b) => a - b);
        const rank = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1]!;
        expect(counter.summary().sourceLengths).toEqual({ p50: rank(0.5), p95: rank(0.95), max: rank(1) });
      }),
    );
  });
});
