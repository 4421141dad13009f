import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { medianInterval, ratioInterval } from "./interval.js";
import { quantile } from "./quantile.js";

describe(medianInterval, () => {
  // Table of David and Nagaraja: of 10 values the 2nd and the 9th, 97.9 % sure; of 20 the 6th and the 15th, 95.9 %.
  test.each([
    [10, 2, 9, 0.9785],
    [20, 6, 15, 0.9586],
    [40, 14, 27, 0.9615],
  ])("of %i values lies between the %ith and the %ith", (count, low, high, coverage) => {
    const found = medianInterval(Array.from({ length: count }, (_, at) => count - at));
    expect([found.low, found.high]).toEqual([low, high]);
    expect(found.coverage).toBeCloseTo(coverage, 4);
  });

  test("covers less than it should where there are fewer than six values, and says so", () => {
    expect(medianInterval([5, 1, 3])).toEqual({ low: 1, high: 5, coverage: 0.75 });
    expect(medianInterval([2])).toEqual({ low: 2, high: 2, coverage: 0 });
  });

  test("contains the median of the values, and covers 95 % from six values on", () => {
    const values = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 6, maxLength: 300 });
    fc.assert(
      fc.property(values, (drawn) => {
        const { low, high, coverage } = medianInterval(drawn);
        const median = quantile(drawn, 0.5);
        expect(low).toBeLessThanOrEqual(median);
        expect(high).toBeGreaterThanOrEqual(median);
        expect(coverage).toBeGreaterThanOrEqual(0.95);
      }),
    );
  });

  test("is found for as many runs as a benchmark may have, and rejects none", () => {
    const { coverage } = medianInterval(Array.from({ length: 100_000 }, (_, at) => at));
    expect(coverage).toBeGreaterThanOrEqual(0.95);
    expect(coverage).toBeLessThan(0.951);
    expect(() => medianInterval([])).toThrow(RangeError);
  });
});

describe(ratioInterval, () => {
  test("is a point where one side is always the same multiple of the other", () => {
    const pairs = Array.from({ length: 12 }, (_, at) => [2 * (at + 1), at + 1] as const);
    expect(ratioInterval(pairs, 1)).toMatchObject({
      low: expect.closeTo(2) as number,
      high: expect.closeTo(2) as number,
    });
  });

  test("contains the ratio of the medians, repeats with its seed and is narrower for less noise", () => {
    const noisy = (noise: number): (readonly [number, number])[] =>
      Array.from(
        { length: 40 },
        (_, at) => [3 + noise * Math.sin(at), 1 + noise * Math.cos(3 * at)] as const,
      );
    const wide = ratioInterval(noisy(0.3), 7);
    const narrow = ratioInterval(noisy(0.03), 7);
    expect(wide).toEqual(ratioInterval(noisy(0.3), 7));
    expect(wide.low).toBeLessThan(3);
    expect(wide.high).toBeGreaterThan(3);
    expect(narrow.high - narrow.low).toBeLessThan((wide.high - wide.low) / 3);
    expect(() => ratioInterval([], 1)).toThrow(RangeError);
  });
});
