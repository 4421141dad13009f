import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { differingSettings, flattenSettings } from "./settings.js";

describe(flattenSettings, () => {
  test("writes a tree as dotted keys, lists of plain values as one row", () => {
    const tree = {
      seed: 1,
      student: { width: 8, ids: [1, 2], none: {} },
      losses: [{ kind: "kl" }],
      off: null,
    };
    expect(Object.fromEntries(flattenSettings(tree))).toEqual({
      seed: "1",
      "student.width": "8",
      "student.ids": "[1,2]",
      "student.none": "{}",
      "losses.0.kind": "kl",
      off: "null",
    });
  });

  test("accepts any JSON, and truncates long values", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        for (const text of flattenSettings(value).values()) expect(text.length).toBeLessThanOrEqual(201);
      }),
    );
    expect(flattenSettings({ a: "x".repeat(1000) }).get("a")).toBe(`${"x".repeat(200)}…`);
  });
});

describe(differingSettings, () => {
  test("names settings that differ or are missing in a run, and no others", () => {
    const runs = [{ a: 1, b: { c: 2 } }, { a: 1, b: { c: 3 } }, { a: 1 }].map(flattenSettings);
    expect(differingSettings(runs)).toEqual([{ key: "b.c", values: ["2", "3", undefined] }]);
  });
});
