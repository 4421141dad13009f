import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { SlmError } from "../errors/slm-error.js";
import { formatIndex, parseIndex, type IndexedFile } from "./folder-index.js";
import { sha256 } from "../hashes/hash.js";
import { pathsProblem } from "../files/relative-path.js";

const files = fc
  .uniqueArray(fc.stringMatching(/^[a-z0-9 ._-]{1,8}(\/[a-z0-9]{1,4}){0,2}$/), { maxLength: 20 })
  .filter((paths) => pathsProblem([...paths].sort()) === undefined);
const listOf = (paths: readonly string[]): readonly IndexedFile[] =>
  paths.map((path) => ({ path, sha256: sha256(path) }));

describe(parseIndex, () => {
  test("returns the files that were written, in the order of the paths", () => {
    fc.assert(
      fc.property(files, (paths) => {
        const sorted = [...paths].sort((a, b) => (a < b ? -1 : 1));
        expect(parseIndex(formatIndex(listOf(paths)), "list")).toEqual(listOf(sorted));
      }),
    );
  });

  test("rejects invalid lists and names the line", () => {
    const good = formatIndex(listOf(["a"]));
    for (const [text, line] of [
      [good.slice(0, -1), 1],
      [`${good}x\n`, 2],
      [good + good, 2],
      [good.replace("  a", "  ../a"), 1],
      [good.replace("  a", "  /a"), 1],
      [good.toUpperCase(), 1],
    ] as const) {
      expect(() => parseIndex(text, "list")).toThrow(`list:${line}: `);
    }
  });

  test("returns a list or an error with the position for corrupt lists", () => {
    const text = formatIndex(listOf(["a/b", "c", "d"]));
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.string({ maxLength: 3 }), (at, put) => {
        try {
          for (const { path } of parseIndex(text.slice(0, at) + put + text.slice(at + 1), "list"))
            expect(pathsProblem([path])).toBeUndefined();
        } catch (error) {
          expect(error).toBeInstanceOf(SlmError);
        }
      }),
    );
  });
});
