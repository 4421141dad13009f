import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bestPath, type ScoredPieces } from "./best-path.js";
import { PieceTrie } from "./piece-trie.js";

const UNKNOWN_SCORE = -30;

function scored(pieces: Readonly<Record<string, number>>): ScoredPieces {
  const texts = Object.keys(pieces);
  return {
    trie: new PieceTrie(new Map(texts.map((text, index) => [text, index]))),
    scores: Float64Array.from(Object.values(pieces)),
    unknownScore: UNKNOWN_SCORE,
    rounded: (sum) => sum,
  };
}

const cut = (text: string, pieces: Readonly<Record<string, number>>): string[] =>
  bestPath(text, scored(pieces)).map(({ start, end }) => text.slice(start, end));

/** Best score of all segmentations, by trying all of them. */
function bestScore(text: string, pieces: Readonly<Record<string, number>>): number {
  if (text === "") return 0;
  const characters = Array.from(text);
  const options = Object.entries(pieces)
    .filter(([piece]) => text.startsWith(piece))
    .map(([piece, score]) => score + bestScore(text.slice(piece.length), pieces));
  if (!Object.hasOwn(pieces, characters[0]!))
    options.push(UNKNOWN_SCORE + bestScore(characters.slice(1).join(""), pieces));
  return Math.max(...options);
}

describe(bestPath, () => {
  test("of equal sums, the one whose last piece is longest wins", () => {
    expect(cut("abc", { a: -1, ab: -1, bc: -1, c: -1 })).toEqual(["a", "bc"]);
  });

  test("sums are rounded as they are asked to be", () => {
    // The sum of the second path, -16,777,219.5, is rounded to the float32 -16,777,220, which is the sum of the first path.
    const pieces = { a: -16_777_218, b: -1.5, ab: -16_777_220 };
    const path = (rounded: (sum: number) => number): number =>
      bestPath("ab", { ...scored(pieces), rounded }).length;
    expect(path((sum) => sum)).toBe(2);
    expect(path(Math.fround)).toBe(1);
  });

  test("sums that start again from zero stay exact in long texts", () => {
    // After a sum of 2^27, a float32 cannot distinguish -1.5 from -2.
    const pieces = { a: -(2 ** 27), b: -1.5, c: -0.5, bc: -2.5, ab: -(2 ** 28) };
    const cutUpTo = (largestSum: number | undefined): string[] =>
      bestPath("abc", { ...scored(pieces), rounded: Math.fround, largestSum }).map(({ start, end }) =>
        "abc".slice(start, end),
      );
    expect(cutUpTo(undefined)).toEqual(["a", "bc"]);
    expect(cutUpTo(100_000)).toEqual(["a", "b", "c"]);
  });

  test("is the best of all segmentations", () => {
    const letter = fc.constantFrom("a", "b", "c", "😀");
    const piece = fc.array(letter, { minLength: 1, maxLength: 4 }).map((letters) => letters.join(""));
    fc.assert(
      fc.property(
        fc.dictionary(piece, fc.integer({ min: -20, max: 0 }), { minKeys: 1, maxKeys: 12 }),
        fc.array(letter, { maxLength: 9 }).map((letters) => letters.join("")),
        (pieces, text) => {
          const own = { ...pieces };
          const path = bestPath(text, scored(own));
          const values = Object.values(own);
          const sum = path.reduce(
            (total, { value }) => total + (value < 0 ? UNKNOWN_SCORE : values[value]!),
            0,
          );
          expect(sum).toBe(bestScore(text, own));
          expect(path.map(({ start, end }) => text.slice(start, end)).join("")).toBe(text);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });

  test("looks at no more than the longest piece at each position, whatever the text", () => {
    const longest = 16;
    const pieces = Object.fromEntries(
      Array.from({ length: longest }, (_, index) => ["a".repeat(index + 1), -1]),
    );
    const { trie, ...rest } = scored(pieces);
    let steps = 0;
    const counted = {
      step(node: number, unit: number) {
        steps++;
        return trie.step(node, unit);
      },
      valueAt: (node: number) => trie.valueAt(node),
    };
    const size = 100_000;
    bestPath("a".repeat(size), { ...rest, trie: counted });
    expect(steps).toBeLessThanOrEqual(size * (longest + 1));
  });
});

describe(PieceTrie, () => {
  test("finds exactly the pieces that a text starts with", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "b", "\uffff", "\0"), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.uniqueArray(text, { maxLength: 20 }),
        fc.string({ unit: "binary", maxLength: 5 }),
        text,
        (pieces, other, one) => {
          const trie = new PieceTrie(new Map(pieces.map((piece, index) => [piece, index])));
          for (const query of [other, one, one + other]) {
            const found: string[] = [];
            for (let at = 0, node = 0; at < query.length; at++) {
              node = trie.step(node, query.charCodeAt(at));
              if (node < 0) break;
              const value = trie.valueAt(node);
              if (value >= 0) found.push(pieces[value]!);
            }
            expect(found).toEqual(
              pieces.filter((piece) => query.startsWith(piece)).sort((a, b) => a.length - b.length),
            );
          }
        },
      ),
      { numRuns: 300, seed: 7 },
    );
  });
});
