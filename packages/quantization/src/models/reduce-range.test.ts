import { describe, expect, test } from "vitest";
import { int8Range } from "./reduce-range.js";

describe(int8Range, () => {
  test.each([
    ["cpu", 7],
    ["web", 7],
    ["gpu", 7],
    [undefined, 7],
    ["npu", 8],
  ] as const)("for target %s weights have %i bits, whatever the machine", (target, bits) => {
    expect(int8Range(target).bits).toBe(bits);
  });
});
