import { describe, expect, test } from "vitest";
import { checkParity } from "./parity.js";

describe(checkParity, () => {
  test.each([0, 1e-3])("passes a difference of %d at a limit of 0.001", (maxAbs) => {
    expect(() => {
      checkParity({ maxAbs, cases: [] }, 1e-3);
    }).not.toThrow();
  });

  test.each([1.001e-3, Number.NaN, Number.POSITIVE_INFINITY])("fails a difference of %d", (maxAbs) => {
    expect(() => {
      checkParity({ maxAbs, cases: [] }, 1e-3);
    }).toThrow(expect.objectContaining({ code: "GATE_FAILED" }));
  });
});
