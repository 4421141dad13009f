import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { intentAccuracy, jsonExactMatch } from "./json-metrics.js";
import { parseJson, type Json } from "../text/json-value.js";
import { slotF1 } from "./slot-f1.js";

/** The same value with keys the other way round and other whitespace. */
function rewritten(value: Json): string {
  if (typeof value !== "object" || value === null) return ` ${JSON.stringify(value)}\n`;
  if (Array.isArray(value)) return `[${value.map(rewritten).join(",")}]`;
  const entries = Object.entries(value).reverse();
  return `{ ${entries.map(([key, item]: readonly [string, Json]) => `${JSON.stringify(key)} :${rewritten(item)}`).join(",\t")} }`;
}

describe("jsonExactMatch", () => {
  test("sees values, not how they are written", () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const value = parseJson(text)!.value;
        expect(jsonExactMatch.rowScore(rewritten(value), [text])).toBe(1);
      }),
    );
  });

  test.each([
    ["1", "1.0", 1],
    ['"\\u00e9"', '"é"', 1],
    ["[1,2]", "[2,1]", 0],
    ["1", '"1"', 0],
    ["{}", "[]", 0],
    ["[]", "null", 0],
    ['{"a":1}', '{"a":1,"b":null}', 0],
    ['{"b":null}', '{"a":null}', 0],
    ['{"__proto__":1}', '{"__proto__":1}', 1],
    ['{"__proto__":null}', '{"toString":null}', 0],
    ['{"a":1', '{"a":1}', 0],
    ["NaN", "null", 0],
  ])("of %s against %s is %i", (prediction, reference, expected) => {
    expect(jsonExactMatch.rowScore(prediction, [reference])).toBe(expected);
  });

  test("rejects a reference that is not JSON, by its row", () => {
    expect(() => jsonExactMatch.compute(["1", "1"], [["1"], ["1", "x"]])).toThrow(withCode("DATA_INVALID"));
  });

  test("is not brought down by deep nesting: more than 64 levels are not read", () => {
    const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
    expect(parseJson(nested(64))).toBeDefined();
    expect(parseJson(nested(65))).toBeUndefined();
    expect(jsonExactMatch.rowScore(nested(100_000), ["[]"])).toBe(0);
    expect(slotF1.rowScore(`{"a":${nested(100_000)}}`, ['{"a":1}'])).toBe(0);
  });
});

describe("intentAccuracy", () => {
  test.each([
    ['{"intent":"go","city":"Oslo"}', 1],
    ['{"city":"Oslo","intent":"stop"}', 1],
    ['{"intent":["go"]}', 0],
    ["null", 0],
    ['{"intent":"go"', 0],
  ])("of %s is %i", (prediction, expected) => {
    expect(intentAccuracy.rowScore(prediction, ['{"intent":"go"}', '{"intent":"stop"}'])).toBe(expected);
  });

  test.each([
    ['[{"name":"a","arguments":{"x":1}},{"name":"b"}]', 1],
    ['[{"name":"b"},{"name":"a"}]', 0],
    ['[{"name":"a"}]', 0],
    ['{"name":"a"}', 0],
    ["[]", 0],
    ['[{"name":"a"},{"x":1}]', 0],
  ])("of %s against two calls is %i", (prediction, expected) => {
    expect(intentAccuracy.rowScore(prediction, ['[{"name":"a"},{"name":"b"}]'])).toBe(expected);
  });

  test("uses the name of a call as its intent, unless there is an intent", () => {
    expect(intentAccuracy.rowScore('{"name":"go","arguments":{}}', ['{"name":"go"}'])).toBe(1);
    expect(intentAccuracy.rowScore('{"name":"go","intent":"stop"}', ['{"intent":"go"}'])).toBe(0);
  });

  test.each(['{"city":"Oslo"}', '{"intent":1}', "[]", '[{"name":"a"},1]'])(
    "rejects the reference %s",
    (reference) => {
      expect(() => intentAccuracy.compute(['{"intent":"go"}'], [[reference]])).toThrow(
        withCode("DATA_INVALID"),
      );
    },
  );
});

describe("slotF1", () => {
  const reference = '{"intent":"order","items":[{"name":"tea","count":2}],"to":{"city":"Oslo"}}';

  test("is 1 for the same slots, regardless of empty values", () => {
    expect(slotF1.rowScore(rewritten(parseJson(reference)!.value), [reference])).toBe(1);
    expect(slotF1.rowScore('{"intent":"go","slots":{}}', ['{"intent":"go","list":[]}'])).toBe(1);
  });

  test("counts wrong, missing and extra slots", () => {
    // Of 4 slots: name wrong, count missing, intent and city right; one more slot.
    const prediction = '{"intent":"order","items":[{"name":"cake"}],"to":{"city":"Oslo","zip":"0150"}}';
    expect(slotF1.rowScore(prediction, [reference])).toBe((2 * 2) / (4 + 4));
  });

  test("sums counts over rows before dividing, so a row counts by its slots", () => {
    const [one, three] = ['{"a":1}', '{"a":1,"b":2,"c":3}'];
    expect(slotF1.compute([one, "{}"], [[one], [three]])).toBe((2 * 1) / (1 + 4));
  });

  test("without any slot is 1 for objects and 0 for anything else", () => {
    expect(slotF1.compute(["{}", '{"a":{}}'], [["{}"], ["{}"]])).toBe(1);
    expect(slotF1.compute(["{}", "nothing"], [["{}"], ["{}"]])).toBe(0);
  });

  test("tells values of different types and of different places apart", () => {
    expect(slotF1.rowScore('{"a":"1"}', ['{"a":1}'])).toBe(0);
    expect(slotF1.rowScore('{"a":"null"}', ['{"a":null}'])).toBe(0);
    expect(slotF1.rowScore('{"a":1e999}', ['{"a":null}'])).toBe(0);
    expect(slotF1.rowScore('{"a/b":1}', ['{"a":{"b":1}}'])).toBe(0);
    expect(slotF1.rowScore('{"a":[1,2]}', ['{"a":[2,1]}'])).toBe(0);
  });

  test("counts the slots of several calls at their places", () => {
    const reference = '[{"name":"a","arguments":{"x":1}},{"name":"b","arguments":{}}]';
    expect(slotF1.rowScore(reference, [reference])).toBe(1);
    expect(slotF1.rowScore('[{"name":"a","arguments":{"x":2}}]', [reference])).toBe((2 * 1) / (2 + 3));
  });

  test.each(["[]", "[1]", "1", "x"])("rejects the reference %s", (text) => {
    expect(() => slotF1.compute(["{}"], [[text]])).toThrow(withCode("DATA_INVALID"));
  });
});
