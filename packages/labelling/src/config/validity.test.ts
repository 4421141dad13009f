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

  test("jsonSchema takes values that follow the schema, in any order of keys", () => {
    const slots = { type: "object", additionalProperties: { type: "string" } };
    const schema = {
      type: "object",
      properties: { intent: { enum: ["PlayMusic", "GetWeather"] }, slots: { $ref: "#/$defs/slots" } },
      required: ["intent", "slots"],
      additionalProperties: false,
      $defs: { slots },
    };
    const isValid = check({ kind: "jsonSchema", schema });
    expect(isValid('{"slots": {"city": "Rome"}, "intent": "GetWeather"}')).toBe(true);
    for (const wrong of [
      '{"intent": "GetWeather"}',
      '{"intent": "Fly", "slots": {}}',
      '{"intent": "PlayMusic", "slots": {"city": 1}}',
      '{"intent": "PlayMusic", "slots": {}, "more": 1}',
      '{"intent": "PlayMusic", "slots": {}',
    ])
      expect(isValid(wrong), wrong).toBe(false);
  });

  test("jsonSchema rejects a schema that cannot be checked, with the reason", () => {
    for (const schema of [{ type: "objekt" }, { not: { type: "string" } }, { $ref: "#/$defs/none" }]) {
      const { error } = validityConfig.safeParse({ kind: "jsonSchema", schema });
      expect(error!.issues[0]!.message, JSON.stringify(schema)).toMatch(/^expected a JSON schema: ./u);
    }
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
