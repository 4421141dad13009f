import { describe, expect, test } from "vitest";
import { validityCheck, validityConfig } from "./validity.js";

const check = (settings: object): ((text: string) => boolean) =>
  validityCheck(validityConfig.parse(settings));

describe(validityCheck, () => {
  test("json takes whole JSON values only", () => {
    const isValid = check({ kind: "json" });
    expect(['{"a": 1}', "null", "[1, 2", '{"a": 1} and more', ""].map(isValid)).toEqual([
      true,
      true,
      false,
      false,
      false,
    ]);
  });

  test("jsonObject takes an object, or several in a list, with the keys asked for", () => {
    const isValid = check({ kind: "jsonObject", keys: ["name"] });
    expect(isValid('{"name": "call", "x": 1}')).toBe(true);
    expect(isValid('[{"name": "a"}, {"name": "b"}]')).toBe(true);
    for (const wrong of ["{}", "[]", "null", '"name"', '[{"name": 1}, 2]', '{"__proto__": {"name": 1}}', "{"])
      expect(isValid(wrong), wrong).toBe(false);
  });

  test("regex matches the whole target", () => {
    const isValid = check({ kind: "regex", pattern: "\\d{4}-\\d\\d|unknown" });
    expect(["2026-11", "unknown", "2026-11-27", "x2026-11"].map(isValid)).toEqual([true, true, false, false]);
    expect(validityConfig.safeParse({ kind: "regex", pattern: "(" }).success).toBe(false);
  });

  test("without a setting takes everything", () => {
    expect(validityCheck(undefined)("")).toBe(true);
  });
});
