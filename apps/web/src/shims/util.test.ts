import { isDeepStrictEqual as expected } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isDeepStrictEqual } from "./util.js";

describe(isDeepStrictEqual, () => {
  test("agrees with Node's util on JSON values", () => {
    const json = fc.jsonValue({ maxDepth: 3 });
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(isDeepStrictEqual(a, b)).toBe(expected(a, b));
        const copy: unknown = structuredClone(a);
        expect(isDeepStrictEqual(a, copy)).toBe(true);
      }),
    );
  });

  test("detects one changed, missing or added value", () => {
    expect(isDeepStrictEqual({ a: [1, { b: 2 }] }, { a: [1, { b: 3 }] })).toBe(false);
    expect(isDeepStrictEqual({ a: 1 }, { a: 1, b: 2 })).toBe(false);
    expect(isDeepStrictEqual([1], { 0: 1 })).toBe(false);
  });
});
