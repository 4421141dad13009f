import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonIndices, commonLength } from "../text/longest-common-subsequence.js";
import { rouge1, rougeTokens } from "./rouge.js";

const letters = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 10 });

/** By trying all subsequences of the shorter one. */
function longestByTrying(a: readonly string[], b: readonly string[]): number {
  let longest = 0;
  for (let subset = 0; subset < 2 ** a.length; subset++) {
    const chosen = a.filter((_, index) => (subset >> index) % 2 === 1);
    if (chosen.length > longest && isSubsequence(chosen, b)) longest = chosen.length;
  }
  return longest;
}

function isSubsequence(part: readonly string[], whole: readonly string[]): boolean {
  let found = 0;
  for (const token of whole) if (token === part[found]) found++;
  return found === part.length;
}

describe(commonLength, () => {
  test("is the length of the longest subsequence that both have", () => {
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        expect(commonLength(a, b)).toBe(longestByTrying(a, b));
      }),
      { numRuns: 50 },
    );
  });
});

describe(commonIndices, () => {
  test("picks one longest common subsequence", () => {
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const indices = commonIndices(a, b).toReversed();
        expect(indices).toHaveLength(commonLength(a, b));
        expect(
          isSubsequence(
            indices.map((index) => a[index]!),
            b,
          ),
        ).toBe(true);
      }),
    );
  });

  test("rejects a table that would not fit, instead of filling the memory", () => {
    const long = new Array<string>(20_000).fill("a");
    expect(() => commonIndices(long, long)).toThrow(SlmError);
  });
});

describe("ROUGE", () => {
  test("knows ASCII letters and digits only, so text in another script scores 0", () => {
    expect(rougeTokens("Émile's 2 cats")).toEqual(["mile", "s", "2", "cats"]);
    expect(rouge1.rowScore("東京", ["東京"])).toBe(0);
  });
});
