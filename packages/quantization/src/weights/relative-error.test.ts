import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { relativeError } from "./relative-error.js";
import type { WeightMatrix } from "./weight-matrix.js";

const exact: WeightMatrix = {
  values: Float32Array.of(3, 0, 0, 4),
  inputs: 2,
  outputs: 2,
  layout: "inputs-first",
};

describe(relativeError, () => {
  test("is the norm of the difference over the norm of the weights", () => {
    expect(relativeError(exact, { ...exact, values: Float32Array.of(3, 0, 3, 8) })).toBe(1);
    expect(relativeError(exact, exact)).toBe(0);
  });

  test("compares weights, not places in memory", () => {
    const values = Float32Array.of(1, 2, 3, 4, 5, 6);
    const transposed = Float32Array.of(1, 4, 2, 5, 3, 6);
    const error = relativeError(
      { values, inputs: 2, outputs: 3, layout: "inputs-first" },
      { values: transposed, inputs: 2, outputs: 3, layout: "outputs-first" },
    );
    expect(error).toBe(0);
  });

  test("is zero for zeros and rejects other sizes", () => {
    const zeros: WeightMatrix = { ...exact, values: new Float32Array(4) };
    expect(relativeError(zeros, zeros)).toBe(0);
    expect(() => relativeError(exact, { ...exact, inputs: 4, outputs: 1 })).toThrow(
      withCode("SHAPE_MISMATCH"),
    );
  });
});
