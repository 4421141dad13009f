import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { mergePieces, type MergeablePieces } from "./merge-pieces.js";
import { prefixMatcher } from "./prefix-matcher.js";

function mergeable(
  scores: Readonly<Record<string, number>>,
  { symbols = [], unused = [] }: { symbols?: readonly string[]; unused?: readonly string[] } = {},
): MergeablePieces {
  const texts = Object.keys(scores);
  return {
    indices: new Map(texts.map((text, index) => [text, index])),
    scores: Object.values(scores),
    isUnused: (index) => unused.includes(texts[index]!),
    symbols: prefixMatcher(symbols),
  };
}

const cut = (text: string, pieces: MergeablePieces): string[] =>
  mergePieces(text, pieces).map(({ start, end }) => text.slice(start, end));

/** Joins the best pair repeatedly, and compares all pairs each time. */
function joinedOneByOne(text: string, scores: Readonly<Record<string, number>>): string[] {
  const parts = Array.from(text);
  for (;;) {
    let best = -1;
    for (let at = 0; at + 1 < parts.length; at++) {
      const score = scores[parts[at]! + parts[at + 1]!];
      if (score === undefined) continue;
      if (best < 0 || score > scores[parts[best]! + parts[best + 1]!]!) best = at;
    }
    if (best < 0) return parts;
    parts.splice(best, 2, parts[best]! + parts[best + 1]!);
  }
}

describe(mergePieces, () => {
  test("never joins a symbol with its neighbours", () => {
    expect(cut("ab<x>ab", mergeable({ ab: -1, "<x>": 0, "b<x>": 0 }, { symbols: ["<x>"] }))).toEqual([
      "ab",
      "<x>",
      "ab",
    ]);
  });

  test("splits pieces of type unused into the pieces that they were joined from", () => {
    const scores = { ab: -1, abc: -2, abcd: -3 };
    expect(cut("abcd", mergeable(scores, { unused: ["abc", "abcd"] }))).toEqual(["ab", "c", "d"]);
  });

  test("joins as one does who looks at all pairs each time", () => {
    const letter = fc.constantFrom("a", "b", "😀");
    const text = (least: number, most: number): fc.Arbitrary<string> =>
      fc.array(letter, { minLength: least, maxLength: most }).map((letters) => letters.join(""));
    fc.assert(
      fc.property(
        fc.dictionary(text(2, 5), fc.integer({ min: -6, max: 0 }), { maxKeys: 10 }),
        text(0, 24),
        (pieces, whole) => {
          const scores = { ...pieces };
          expect(cut(whole, mergeable(scores))).toEqual(joinedOneByOne(whole, scores));
        },
      ),
      { numRuns: 500, seed: 11 },
    );
  });
});
