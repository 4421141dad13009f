import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { editDistance, nearest } from "./edit-distance.js";

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
  test("accepts typed arrays and number arrays", () => {
    expect(editDistance(Int32Array.of(1, 2, 3, 4), Int32Array.of(1, 3, 4, 5))).toBe(2);
    expect(editDistance([1, 2, 3, 4], [1, 3, 4, 5])).toBe(2);
  });

  test("equals the definition", () => {
    fc.assert(fc.property(tokens, tokens, (a, b) => editDistance(a, b) === byDefinition(a, b)));
  });
});

describe(nearest, () => {
  test("finds the closest word, or none if no word is close enough", () => {
    expect(nearest("distil", ["data", "distill", "deploy"])).toBe("distill");
    expect(nearest("batchsize", ["batchSize", "steps"])).toBe("batchSize");
    expect(nearest("xyz", ["data", "distill"])).toBeUndefined();
    expect(nearest("", [])).toBeUndefined();
  });
});
