import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import { createDropoutMasks } from "./dropout-masks.js";

const inputs = {
  "dropout.0": { dtype: "float32", shape: [40, 50, 10] },
  "dropout.1": { dtype: "float32", shape: [7] },
} as const;

describe(createDropoutMasks, () => {
  test("zeroes the asked share and keeps the mean at one", () => {
    const { data } = createDropoutMasks(0.2, 3).for(inputs, 1)["dropout.0"]!;
    const values = new Set(data as Float32Array);
    expect([...values].sort()).toEqual([0, 1.25]);
    const zeros = (data as Float32Array).filter((value) => value === 0).length / data.length;
    // Five standard deviations of the share in 20,000 draws.
    expect(Math.abs(zeros - 0.2)).toBeLessThan(5 * Math.sqrt((0.2 * 0.8) / 20_000));
  });

  test("returns the same masks for the same seed and batch, and others for another", () => {
    const [a, b] = [createDropoutMasks(0.5, 3), createDropoutMasks(0.5, 3)];
    a.for(inputs, 1);
    expect(a.for(inputs, 9)).toEqual(b.for(inputs, 9));
    expect(a.for(inputs, 9)).not.toEqual(a.for(inputs, 10));
    expect(a.for(inputs, 9)).not.toEqual(createDropoutMasks(0.5, 4).for(inputs, 9));
  });

  test("rejects a mask longer than its supply by size", () => {
    const huge = { mask: { dtype: "float32", shape: [1 << 12, 1 << 11] } } as const;
    expect(() => createDropoutMasks(0.1, 1).for(huge, 1)).toThrow(withCode("CONFIG_INVALID"));
  });
});
