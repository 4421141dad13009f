import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EOS, byteVocabulary, randomText } from "../random-text.test-support.js";
import { constrainTokens } from "../constrain-tokens.js";
import { CopiedStrings } from "./copied-strings.js";
import { copiesSource, jsonSchemaGrammar } from "./json-schema.js";

const COPIED = { type: "string", "x-copied": true };
const PIECES = byteVocabulary();

/** Whether a schema allows a JSON text for a source. */
function allows(schema: object, source: string, text: string): boolean {
  let state = constrainTokens(jsonSchemaGrammar(schema, source), PIECES, { eos: EOS });
  const scores = new Float32Array(PIECES.bytes.length);
  for (const id of [...Array.from(Buffer.from(text), (byte) => byte + 1), EOS]) {
    state.mask(scores.fill(0));
    if (scores[id] !== 0) return false;
    if (id !== EOS) state = state.after(id);
  }
  return true;
}

const copies = (source: string, value: string, schema: object = COPIED): boolean =>
  allows(schema, source, JSON.stringify(value));

describe(CopiedStrings, () => {
  test("allows consecutive words of the source, and nothing else", () => {
    const source = "add  Swine Not? to my gym-list";
    for (const value of ["Swine Not", "Swine Not?", "Swine", "gym", "gym-list", "my gym", "?", source])
      expect([value, copies(source, value)]).toEqual([value, true]);
    for (const value of ["", "Swi", "wine", "swine", "Not to", "gym list", "my ", " my", "gym-", "yours"])
      expect([value, copies(source, value)]).toEqual([value, value === "gym-"]);
  });

  test("joins several stretches with the text of the keyword", () => {
    const schema = { type: "string", "x-copied": { joinedBy: " | " } };
    const source = "in the neighboring Greenland area";
    expect(copies(source, "neighboring | area", schema)).toBe(true);
    expect(copies(source, "neighboring", schema)).toBe(true);
    expect(copies(source, "neighboring | ", schema)).toBe(false);
    expect(copies(source, "neighboring | area")).toBe(false);
  });

  test("ends words between letters of scripts without spaces, and never before a mark", () => {
    expect(copies("東京の天気", "東京")).toBe(true);
    expect(copies("東京weather", "東京")).toBe(true);
    expect(copies("cafe\u0301 now", "cafe")).toBe(false);
    expect(copies("cafe\u0301 now", "cafe\u0301")).toBe(true);
    expect(copies("กำลัง", "กำ")).toBe(true);
  });

  test("escapes quotes, backslashes and line ends as in JSON", () => {
    for (const value of ['"heroes"', "a\\b", "two\nlines", "\ud83d\ude00"])
      expect([value, copies(`play ${value} now`, value)]).toEqual([value, true]);
  });

  test("has room for many strings that copy from a long source", () => {
    const properties = Object.fromEntries(Array.from({ length: 100 }, (_, at) => [`p${at}`, COPIED]));
    const source = "play a song ".repeat(100);
    expect(allows({ type: "object", properties }, source, '{"p7": "song play"}')).toBe(true);
  });

  test("copies nothing from a source without words", () => {
    for (const source of ["", "  "]) {
      expect(copies(source, "")).toBe(true);
      expect(copies(source, " ")).toBe(false);
    }
  });

  test("whatever a model generates, every copied string is a stretch of the source", () => {
    const schema = {
      type: "object",
      properties: { name: { enum: ["a", "b"] }, arguments: { type: "object", additionalProperties: COPIED } },
      required: ["name", "arguments"],
    };
    let copied = 0;
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), fc.nat(2 ** 31), (source, seed) => {
        const text = randomText(jsonSchemaGrammar(schema, source), PIECES, seed);
        if (text === undefined) return;
        const values = Object.values((JSON.parse(text) as { readonly arguments: object }).arguments);
        copied += values.length;
        for (const value of values) expect([source, source.includes(String(value))]).toEqual([source, true]);
      }),
      { numRuns: 100 },
    );
    expect(copied).toBeGreaterThan(50);
  });

  test.each<readonly [string, object, RegExp]>([
    ["a value that is no switch", { type: "string", "x-copied": false }, /must be true or/],
    ["an empty join", { type: "string", "x-copied": { joinedBy: "" } }, /must be true or/],
    [
      "a length beside it",
      { type: "string", "x-copied": true, maxLength: 3 },
      /'maxLength' is not supported/,
    ],
    ["a number", { type: "integer", "x-copied": true }, /'x-copied' is not supported/],
  ])("rejects %s", (_, schema, message) => {
    expect(() => jsonSchemaGrammar(schema, "a source")).toThrow(message);
  });

  test("rejects the keyword if there is no source", () => {
    expect(() => jsonSchemaGrammar(COPIED)).toThrow(withCode("DATA_INVALID"));
    expect(copiesSource(JSON.stringify(COPIED))).toBe(true);
    expect(copiesSource(JSON.stringify({ type: "string" }))).toBe(false);
  });

  test("reports a source that is too long to copy from", () => {
    const words = Array.from({ length: 5000 }, (_, at) => `w${at % 7}`).join(" ");
    const quote = constrainTokens(jsonSchemaGrammar(COPIED, words), PIECES, { eos: EOS }).after(1 + 0x22);
    expect(() => quote.after(1 + 0x77)).toThrow(withCode("DATA_INVALID"));
  });
});
