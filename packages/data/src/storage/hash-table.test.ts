import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HashTable } from "./hash-table.js";

describe(HashTable, () => {
  test("agrees with a Map", () => {
    const entry = fc.tuple(fc.string({ maxLength: 3 }), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 300 }), (entries) => {
        const table = new HashTable();
        const map = new Map<string, number>();
        for (const [text, value] of entries) {
          expect(table.get(text)).toBe(map.get(text));
          table.set(text, value);
          map.set(text, value);
        }
        expect(table.size).toBe(map.size);
        for (const [text, value] of map) expect(table.get(text)).toBe(value);
      }),
    );
  });

  test("grows, and reports whether a text was seen before", () => {
    const table = new HashTable();
    for (let index = 0; index < 5000; index++) expect(table.seen(`text ${index}`)).toBe(false);
    for (let index = 0; index < 5000; index++) expect(table.seen(`text ${index}`)).toBe(true);
    expect(table.seen("another")).toBe(false);
    expect(table.size).toBe(5001);
  });
});
