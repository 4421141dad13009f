import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../testing/index.js";
import { canonicalJson, hashFile, hashJson, sha256 } from "./hash.js";

describe(hashJson, () => {
  test("does not depend on the order of keys, and ignores undefined fields", () => {
    expect(hashJson({ a: 1, b: [{ d: 2, c: undefined }] })).toBe(hashJson({ b: [{ d: 2 }], a: 1 }));
    expect(hashJson({ a: [1, 2] })).not.toBe(hashJson({ a: [2, 1] }));
  });

  test("rejects values that JSON would change, and says where they are", () => {
    for (const value of [NaN, Infinity, 1n, () => 1, Symbol("s"), new Map(), undefined])
      expect(() => hashJson({ a: [value] })).toThrow("$.a[0]");
  });
});

describe(canonicalJson, () => {
  test("parses back to an equal value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});

describe(hashFile, () => {
  const root = temporaryFolder();

  test("is the hash of the file's bytes", async () => {
    const bytes = Buffer.alloc(3 << 20, 5);
    await writeFile(join(root, "x"), bytes);
    expect(await hashFile(join(root, "x"))).toBe(sha256(bytes));
  });
});
