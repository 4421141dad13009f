import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { shuffledOrder } from "./shuffle.js";

const numbers = fc.nat({ max: 2 ** 31 - 1 });

describe(shuffledOrder, () => {
  test("contains every row once", () => {
    fc.assert(
      fc.property(fc.nat({ max: 300 }), numbers, numbers, (n, seed, epoch) => {
        const order = shuffledOrder(n, seed, epoch);
        expect(Array.from(order).sort((a, b) => a - b)).toEqual(
          Array.from({ length: n }, (_, index) => index),
        );
      }),
    );
  });

  test("never changes, so a resumed run of an older version has the same order", () => {
    expect(Array.from(shuffledOrder(10, 1, 0))).toEqual([8, 4, 1, 5, 2, 9, 7, 3, 0, 6]);
  });

  test("reaches every permutation of four about equally often", () => {
    const times = new Map<string, number>();
    const runs = 4800;
    for (let epoch = 0; epoch < runs; epoch++) {
      const key = shuffledOrder(4, 7, epoch).join();
      times.set(key, (times.get(key) ?? 0) + 1);
    }
    expect(times.size).toBe(24);
    // Chi-squared with 23 degrees of freedom: above 49.7 for one in a thousand fair shuffles. The seed is fixed.
    const expected = runs / 24;
    const chiSquared = [...times.values()].reduce(
      (sum, count) => sum + (count - expected) ** 2 / expected,
      0,
    );
    expect(chiSquared).toBeLessThan(49.7);
  });

  test.each([
    [2 ** 31, 0, 0],
    [1, NaN, 0],
    [1, 0, 0.5],
  ])("rejects size %d, seed %d, epoch %d", (n, seed, epoch) => {
    expect(() => shuffledOrder(n, seed, epoch)).toThrow(SlmError);
  });
});
