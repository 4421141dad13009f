import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance } from "./edit-distance.js";

const tokens = fc.array(fc.constantFrom("A", "B", "C"), { maxLength: 12 });

/** The textbook definition, as a recursion with a full table. */
function byDefinition(a: readonly string[], b: readonly string[]): number {
  const table = new Map<string, number>();
  const solve = (i: number, j: number): number => {
    if (i === 0 || j === 0) return i + j;
    const key = `${i},${j}`;
    const known = table.get(key);
    if (known !== undefined) return known;
    const replaced = solve(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
    const value = Math.min(replaced, solve(i - 1, j) + 1, solve(i, j - 1) + 1);
    table.set(key, value);
    return value;
  };
  return solve(a.length, b.length);
}

describe(editDistance, () => {
  test.each([
    ["kitten", "sitting", 3],
    ["saturday", "sunday", 3],
    ["", "abc", 3],
    ["abc", "", 3],
    ["", "", 0],
    ["abcd", "acbd", 2],
    ["intention", "execution", 5],
  ])("of %j and %j is %i", (a, b, expected) => {
    expect(editDistance(Array.from(a), Array.from(b))).toBe(expected);
  });

  test("compares tokens, not their letters", () => {
    expect(editDistance(["K", "AE", "T"], ["K", "AH", "T", "S"])).toBe(2);
  });

  test("accepts typed arrays and number arrays", () => {
    expect(editDistance(Int32Array.of(1, 2, 3, 4), Int32Array.of(1, 3, 4, 5))).toBe(2);
    expect(editDistance([1, 2, 3, 4], [1, 3, 4, 5])).toBe(2);
  });

  test("equals the definition", () => {
    fc.assert(fc.property(tokens, tokens, (a, b) => editDistance(a, b) === byDefinition(a, b)));
  });

  test("is a metric: zero only for equal sequences, symmetric, and with the triangle inequality", () => {
    fc.assert(
      fc.property(tokens, tokens, tokens, (a, b, c) => {
        const ab = editDistance(a, b);
        expect(ab === 0).toBe(a.join(" ") === b.join(" "));
        expect(editDistance(b, a)).toBe(ab);
        expect(editDistance(a, c)).toBeLessThanOrEqual(ab + editDistance(b, c));
      }),
    );
  });

  test("is between the difference of the lengths and the longer length", () => {
    fc.assert(
      fc.property(tokens, tokens, (a, b) => {
        const distance = editDistance(a, b);
        expect(distance).toBeGreaterThanOrEqual(Math.abs(a.length - b.length));
        expect(distance).toBeLessThanOrEqual(Math.max(a.length, b.length));
      }),
    );
  });
});
