import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { checkParity, compareLogits } from "./parity.js";

describe(checkParity, () => {
  test.each([0, 1e-3])("passes a difference of %d at a limit of 0.001", (maxAbs) => {
    expect(() => {
      checkParity({ maxAbs, cases: [] }, 1e-3);
    }).not.toThrow();
  });

  test.each([1.001e-3, Number.NaN, Number.POSITIVE_INFINITY])("fails a difference of %d", (maxAbs) => {
    expect(() => {
      checkParity({ maxAbs, cases: [] }, 1e-3);
    }).toThrow(withCode("GATE_FAILED"));
  });
});

describe(compareLogits, () => {
  const sizes = { batch: 2, source: 3, prefill: 2, target: 3 };
  // Rows with two logits at three positions. The first run ends at the second position.
  const expected = Float32Array.of(9, 9, 1, 2, 3, 4, 9, 9, 5, 6, 7, 8);
  const first = Float32Array.of(1, 2, 5, 6);

  test("compares each run with the position it ends at", () => {
    const actual = [first, Float32Array.of(3, 4, 7, 8.5)];
    expect(compareLogits(sizes, { actual, expected })).toEqual({
      bucket: null,
      batch: 2,
      source: 3,
      target: 3,
      maxAbs: 0.5,
    });
  });

  test("reports a NaN at any position", () => {
    const actual = [Float32Array.of(Number.NaN, 2, 5, 6), Float32Array.of(3, 4, 7, 100)];
    expect(compareLogits(sizes, { actual, expected }).maxAbs).toBeNaN();
  });
});
