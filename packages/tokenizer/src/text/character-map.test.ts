import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileNormalizer } from "../components/normalizers.js";
import { literalPattern } from "../patterns/pattern.js";
import { characterMap, isKeyStart, mapTable } from "./character-map.js";

/** A trie of 256 units and its replacements: "a" by "1", "ab" by "22", "é" by nothing. */
function smallMap(change: (units: Uint32Array) => void = () => undefined): Uint8Array {
  const [leaf, value] = [0x100, 0x8000_0000];
  const units = new Uint32Array(256);
  units[0] = 0x80 << 10;
  units[0x80 ^ 0x61] = 0x61 | leaf | (0x04 << 10);
  units[0x80 ^ 0x61 ^ 0x04] = value | 0;
  units[0x80 ^ 0x61 ^ 0x04 ^ 0x62] = 0x62 | leaf | (0x10 << 10);
  units[0x80 ^ 0x61 ^ 0x04 ^ 0x62 ^ 0x10] = value | 2;
  units[0x80 ^ 0xc3] = 0xc3 | (0x08 << 10);
  units[0x80 ^ 0xc3 ^ 0x08 ^ 0xa9] = 0xa9 | leaf | (0x04 << 10);
  units[0x80 ^ 0xc3 ^ 0x08 ^ 0xa9 ^ 0x04] = value | 5;
  change(units);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(units.byteLength);
  return Buffer.concat([length, Buffer.from(units.buffer), Buffer.from("1\0" + "22\0" + "\0")]);
}

describe(characterMap, () => {
  test.each([
    ["aab", "122"],
    ["abab b", "2222 b"],
    ["é", ""],
    ["caféab è 😀", "c1f22 è 😀"],
    ["\0a", "\x001"],
  ])("%j becomes %j: the longest key at a place is replaced, the rest stays", (text, expected) => {
    expect(characterMap(smallMap())(text)).toBe(expected);
  });

  test.each([
    ["a", "1"],
    ["ab", "1b"],
    ["a\u0301b", "1b"],
    ["a\u0301\u0302\u0303b", "1\u0301\u0302\u0303b"],
    ["é 😀", " 😀"],
    ["", ""],
  ])(
    "by graphemes %j becomes %j: a matching start of a short grapheme replaces the whole grapheme",
    (text, expected) => {
      expect(characterMap(smallMap(), "graphemes")(text)).toBe(expected);
    },
  );

  test.each([
    ["nothing", new Uint8Array()],
    ["a trie beyond the file", Uint8Array.of(8, 0, 0, 0, 1, 2, 3, 4)],
    ["no replacements", Uint8Array.of(4, 0, 0, 0, 1, 2, 3, 4)],
    ["half a unit", Uint8Array.of(5, 0, 0, 0, 1, 2, 3, 4, 5, 6)],
  ])("rejects %s", (_, bytes) => {
    expect(() => characterMap(bytes)).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects ways out of the trie and replacements without an end when a text leads there", () => {
    const outside = characterMap(smallMap((units) => (units[0] = 0x400 << 10)));
    expect(() => outside("a")).toThrow(withCode("DATA_INVALID"));
    const endless = characterMap(smallMap((units) => (units[0x80 ^ 0x61 ^ 0x04] = 0x8000_0000 | 99)));
    expect(() => endless("a")).toThrow(withCode("DATA_INVALID"));
    expect(endless("ab")).toBe("22");
  });

  test("corrupt maps either return a text or are rejected with a code", () => {
    const bytes = fc.uint8Array({ minLength: 4, maxLength: 300 });
    fc.assert(
      fc.property(bytes, fc.nat(60), fc.string({ unit: "grapheme" }), (given, size, text) => {
        given.set([size * 4, 0, 0, 0]);
        try {
          expect(typeof characterMap(given)(text)).toBe("string");
        } catch (error) {
          expect(error).toMatchObject({ code: "DATA_INVALID" });
        }
      }),
    );
  });
});

test("the normalizer of a tokenizer.json names the rule by which its map matches", () => {
  const map = { type: "Precompiled", precompiled_charsmap: Buffer.from(smallMap()).toString("base64") };
  const normalized = (match: string): string =>
    compileNormalizer({ ...map, match }, () => literalPattern(""))("ab");
  expect([normalized("longest"), normalized("graphemes")]).toEqual(["22", "1b"]);
  expect(() => normalized("any")).toThrow(withCode("DATA_INVALID"));
});

describe(mapTable, () => {
  test("rejects a value that is not the start of a replacement", () => {
    const map = smallMap((units) => (units[0x80 ^ 0x61 ^ 0x04] = 0x8000_0003));
    expect(() => mapTable(map)).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a replacement that is not UTF-8", () => {
    const map = Buffer.from(smallMap());
    map[map.lastIndexOf("1")] = 0xff;
    expect(() => mapTable(map)).toThrow(withCode("DATA_INVALID"));
  });

  test("finds what keys start with", () => {
    const starts = ["a", "ab", "b", "abc", "é"].filter((text) =>
      isKeyStart(mapTable(smallMap()), [...Buffer.from(text)]),
    );
    expect(starts).toEqual(["a", "ab", "é"]);
  });
});
