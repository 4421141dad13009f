import { describe, expect, test } from "vitest";
import { resolveReduceRange } from "./reduce-range.js";

describe(resolveReduceRange, () => {
  test.each([
    ["this-cpu", true, true],
    ["this-cpu", false, false],
    ["auto", true, undefined],
    ["auto", false, undefined],
    [false, true, false],
    [true, false, true],
  ] as const)("%s on a CPU whose products saturate: %s, is %s", async (setting, saturates, expected) => {
    expect(await resolveReduceRange(setting, () => Promise.resolve(saturates))).toBe(expected);
  });

  test("measures this CPU", async () => {
    expect(typeof (await resolveReduceRange("this-cpu"))).toBe("boolean");
  });
});
