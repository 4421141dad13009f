import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { commonIndices, commonLength } from "../text/longest-common-subsequence.js";
import { rouge1, rouge2, rougeL, rougeLsum, rougeTokens } from "./rouge.js";

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

describe("ROUGE, on the example of Lin 2004, section 3", () => {
  // "police killed the gunman" against two sentences that share the same words in another order.
  const reference = ["police killed the gunman"];

  test("the longest common subsequence tells them apart", () => {
    expect(rougeL.rowScore("police kill the gunman", reference)).toBeCloseTo(3 / 4, 12);
    expect(rougeL.rowScore("the gunman kill police", reference)).toBeCloseTo(2 / 4, 12);
  });

  test("pairs do not", () => {
    expect(rouge2.rowScore("police kill the gunman", reference)).toBeCloseTo(1 / 3, 12);
    expect(rouge2.rowScore("the gunman kill police", reference)).toBeCloseTo(1 / 3, 12);
  });

  test("the union over predicted sentences counts every word once", () => {
    // w1 w2 and w1 w3 w5 are the common subsequences; their union has 4 of 5 words, of 10 predicted.
    const score = rougeLsum.rowScore("w1 w2 w6 w7 w8\nw1 w3 w8 w9 w5", ["w1 w2 w3 w4 w5"]);
    expect(score).toBeCloseTo((2 * (4 / 10) * (4 / 5)) / (4 / 10 + 4 / 5), 12);
  });
});

describe("ROUGE", () => {
  test("of one line is the same with and without summaries", () => {
    fc.assert(
      fc.property(letters, letters, (a, b) => {
        const [prediction, reference] = [a.join(" "), ["x", ...b].join(" ")];
        const [atOnce, byLine] = [rougeL, rougeLsum].map(({ rowScore }) => rowScore(prediction, [reference]));
        expect(byLine).toBeCloseTo(atOnce!, 12);
      }),
    );
  });

  test("knows ASCII letters and digits only, so text in another script scores 0", () => {
    expect(rougeTokens("Émile's 2 cats")).toEqual(["mile", "s", "2", "cats"]);
    expect(rouge1.rowScore("東京", ["東京"])).toBe(0);
  });
});
