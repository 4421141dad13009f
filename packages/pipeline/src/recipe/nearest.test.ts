import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "./nearest.js";

describe(nearest, () => {
  test("finds the word that was meant, and none when nothing is near", () => {
    expect(nearest("distil", ["data", "distill", "deploy"])).toBe("distill");
    expect(nearest("batchsize", ["batchSize", "steps"])).toBe("batchSize");
    expect(nearest("xyz", ["data", "distill"])).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
  });
});

describe(editDistance, () => {
  test("is symmetric, zero for equal words only, and grows by one letter at most", () => {
    const word = fc.string({ maxLength: 8, unit: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(word, word, (a, b) => {
        expect(editDistance(a, b)).toBe(editDistance(b, a));
        expect(editDistance(a, b) === 0).toBe(a === b);
        expect(editDistance(`${a}c`, b)).toBeLessThanOrEqual(editDistance(a, b) + 1);
      }),
    );
    expect(editDistance("kitten", "sitting")).toBe(3);
    expect(editDistance("tow", "two")).toBe(1);
  });
});
