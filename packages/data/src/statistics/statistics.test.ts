import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LengthCounter, StatisticsCounter } from "./statistics.js";

describe(StatisticsCounter, () => {
  test("counts characters of sources, tokens of targets, and the distinct ones of each", () => {
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

describe(LengthCounter, () => {
  test("its histogram counts every length once, in adjacent bins of equal width, the longest in the last", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 100_000 })), { minLength: 1 }),
        (lengths) => {
          const counter = new LengthCounter();
          for (const length of lengths) counter.add(length);
          const bins = counter.histogram();
          for (const { from, to, count } of bins)
            expect(count).toBe(lengths.filter((length) => length >= from && length <= to).length);
          expect(bins.reduce((sum, { count }) => sum + count, 0)).toBe(lengths.length);
          for (const [index, { from }] of bins.slice(1).entries()) expect(from).toBe(bins[index]!.to + 1);
          expect(new Set(bins.slice(0, -1).map(({ from, to }) => to - from)).size).toBeLessThanOrEqual(1);
          expect(bins.length).toBeLessThanOrEqual(15);
        },
      ),
    );
  });
});
