import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BYTE_ALPHABET } from "../text/byte-symbols.js";
import { learnMerges, type LearntMerges } from "./learn-merges.js";

/** The definition, without bookkeeping: counts every pair again before every merge. */
function slowMerges(pieces: ReadonlyMap<string, number>, size: number, minCount: number): LearntMerges {
  const tokens = [...BYTE_ALPHABET];
  const merges: [string, string][] = [];
  let words = Array.from(pieces, ([piece, count]) => ({ count, parts: Array.from(piece) }));
  while (tokens.length < size) {
    const counts = new Map<string, number>();
    for (const { parts, count } of words) {
      for (let at = 1; at < parts.length; at++) {
        const pair = `${parts[at - 1]!} ${parts[at]!}`;
        counts.set(pair, (counts.get(pair) ?? 0) + count);
      }
    }
    const ids = (pair: string): number[] => pair.split(" ").map((token) => tokens.indexOf(token));
    const [best] = [...counts].sort(([one, a], [other, b]) => {
      const [[left, right], [otherLeft, otherRight]] = [ids(one), ids(other)];
      return b - a || left! - otherLeft! || right! - otherRight!;
    });
    if (best === undefined || best[1] < minCount) break;
    const [left, right] = best[0].split(" ") as [string, string];
    merges.push([left, right]);
    if (!tokens.includes(left + right)) tokens.push(left + right);
    words = words.map(({ count, parts }) => ({ count, parts: merged(parts, left, right) }));
  }
  return { tokens, merges };
}

function merged(parts: readonly string[], left: string, right: string): string[] {
  const result: string[] = [];
  for (let at = 0; at < parts.length; at++) {
    const isPair = parts[at] === left && parts[at + 1] === right;
    result.push(isPair ? left + right : parts[at]!);
    if (isPair) at++;
  }
  return result;
}

const pieceMap = fc
  .array(
    fc.tuple(
      fc.string({ unit: fc.constantFrom("a", "b", "c"), maxLength: 9 }),
      fc.integer({ min: 1, max: 5 }),
    ),
    {
      maxLength: 12,
    },
  )
  .map((entries) => new Map(entries));

describe(learnMerges, () => {
  test("equals counting all over again before every merge", () => {
    // The implementations differ only in how a run of one letter ("aaa") loses its overlapping pairs, so the texts have no runs.
    const withoutRuns = pieceMap.map(
      (pieces) => new Map([...pieces].map(([piece, count]) => [piece.replace(/(.)\1+/g, "$1"), count])),
    );
    fc.assert(
      fc.property(withoutRuns, fc.integer({ min: 1, max: 3 }), (pieces, minCount) => {
        const fast = learnMerges({ pieces, reserved: [], vocabularySize: 290, minCount });
        expect(fast).toEqual(slowMerges(pieces, 290, minCount));
      }),
      { numRuns: 300 },
    );
  });

  test("merges runs of one letter from the left", () => {
    const pieces = new Map([["aaaaa", 2]]);
    const { merges } = learnMerges({ pieces, reserved: [], vocabularySize: 300, minCount: 1 });
    expect(merges).toEqual([
      ["a", "a"],
      ["aa", "a"],
      ["aa", "aaa"],
    ]);
  });
});
