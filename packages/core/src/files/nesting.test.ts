import { describe, expect, test } from "vitest";
import { isDeeperThan } from "./nesting.js";

describe(isDeeperThan, () => {
  test.each([
    [1, 0, false],
    [[], 0, true],
    [[1], 1, false],
    [{ a: [1] }, 1, true],
    [{ a: [1], b: [2] }, 2, false],
  ])("%j is deeper than %i levels: %s", (value, levels, expected) => {
    expect(isDeeperThan(value, levels)).toBe(expected);
  });

  test("counts a million levels without a stack overflow", () => {
    const value: unknown = JSON.parse("[".repeat(1e6) + "]".repeat(1e6));
    expect(isDeeperThan(value, 1e6)).toBe(false);
    expect(isDeeperThan(value, 1e6 - 1)).toBe(true);
  });
});
