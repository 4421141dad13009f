import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mean, quantile } from "./quantile.js";

const values = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 1 });

describe(quantile, () => {
  test("agrees with NumPy's default on known values", () => {
    // numpy.quantile([1, 2, 4, 8], [0, 0.05, 0.5, 0.95, 1])
    const known = [0, 0.05, 0.5, 0.95, 1].map((fraction) => quantile([8, 1, 4, 2], fraction));
    [1, 1.15, 3, 7.4, 8].forEach((expected, index) => {
      expect(known[index]).toBeCloseTo(expected, 12);
    });
  });

  test("is between the extremes and never falls as the fraction grows", () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (list, fraction) => {
        const slack = 1e-9;
        const at = quantile(list, fraction);
        expect(at).toBeGreaterThanOrEqual(Math.min(...list) - slack);
        expect(at).toBeLessThanOrEqual(Math.max(...list) + slack);
        expect(quantile(list, Math.min(1, fraction + 0.1))).toBeGreaterThanOrEqual(at - slack);
      }),
    );
  });

  test("rejects to make up a value", () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
    expect(() => mean([])).toThrow(RangeError);
  });
});
