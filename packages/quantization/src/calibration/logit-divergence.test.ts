import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { logitDivergence } from "./logit-divergence.js";

describe(logitDivergence, () => {
  test("is the closed form of two coins", () => {
    // p = 3/4, 1/4; q = 1/2, 1/2.
    const p = Float32Array.of(Math.log(3), 0);
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(logitDivergence(p, Float32Array.of(0, 0), 2)).toBeCloseTo(expected, 6);
  });

  test("is rejected for other lengths", () => {
    expect(() => logitDivergence(new Float32Array(6), new Float32Array(4), 2)).toThrow(
      withCode("SHAPE_MISMATCH"),
    );
  });
});
