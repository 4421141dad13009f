import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { runningMean } from "./smooth.js";

describe(runningMean, () => {
  test("removes noise and keeps the trend, without a lag", () => {
    const points = Array.from({ length: 600 }, (_, x) => [x, x + (x % 2 === 0 ? 50 : -50)] as const);
    const inner = runningMean(points).slice(10, -10);
    expect(inner.every(([x, y]) => Math.abs(y - x) < 3)).toBe(true);
  });

  test("keeps every x and stays within the range of the points", () => {
    const series = fc.array(fc.tuple(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: -100, max: 100 })), {
      minLength: 1,
      maxLength: 120,
    });
    fc.assert(
      fc.property(series, (points) => {
        const heights = points.map(([, y]) => y);
        const means = runningMean(points);
        expect(means.map(([x]) => x)).toEqual(points.map(([x]) => x).sort((a, b) => a - b));
        for (const [, y] of means) {
          expect(y).toBeGreaterThanOrEqual(Math.min(...heights) - 1e-9);
          expect(y).toBeLessThanOrEqual(Math.max(...heights) + 1e-9);
        }
      }),
    );
  });

  test("leaves a short series as it is", () => {
    const points = Array.from({ length: 39 }, (_, x) => [x, x % 3] as const);
    expect(runningMean(points)).toEqual(points);
  });
});
