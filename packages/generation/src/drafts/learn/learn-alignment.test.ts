import { draftRulesOf } from "../rule-table.js";
import { SourceAlignment } from "../source-alignment.js";
import { createRandom } from "../../sampling/random.js";
import { describe, expect, test } from "vitest";
import { learnAlignment, spreadPairs, type TokenPair } from "./learn-alignment.js";

const [SILENT, LONG, FIRST, SECOND, MARK] = [9, 8, 60, 61, 90];

/** Random letters and their sounds: one sound per letter, except for a silent letter and a letter with two. */
function pairs(count: number, seed: number): (TokenPair & { readonly positions: readonly number[] })[] {
  const { next } = createRandom(seed);
  return Array.from({ length: count }, () => {
    const source = Array.from({ length: 4 + Math.floor(6 * next()) }, () => Math.floor(10 * next()));
    const said = source.flatMap((letter, at): [number, number][] => {
      if (letter === SILENT) return [];
      if (letter !== LONG) return [[30 + letter, at]];
      return [
        [FIRST, at],
        [SECOND, at],
      ];
    });
    return { source, target: said.map(([sound]) => sound), positions: said.map(([, at]) => at) };
  });
}

const following = (learnt: readonly TokenPair[], source: readonly number[]): SourceAlignment =>
  SourceAlignment.of(draftRulesOf(learnAlignment(learnt), Infinity), source)!;

describe(learnAlignment, () => {
  test("finds the letter of each sound, despite silent letters and letters with two sounds", () => {
    const table = draftRulesOf(learnAlignment(pairs(500, 1)), Infinity);
    let [right, all] = [0, 0];
    for (const { source, target, positions } of pairs(100, 2)) {
      const alignment = SourceAlignment.of(table, source)!;
      for (const [at, position] of positions.entries()) {
        all++;
        if (alignment.positionAfter(target.slice(0, at + 1)) === position) right++;
      }
    }
    // The second sound of a letter could also come from a silent letter after it.
    expect(right / all).toBeGreaterThan(0.93);
  });

  test("follows unseen words if answers equal their sources", () => {
    const copies = pairs(300, 1).map(({ source }) => ({
      source,
      target: source.filter((letter) => letter !== SILENT),
    }));
    const alignment = following(copies, [500, 501, 502, 503]);
    expect([1, 2, 3].map((end) => alignment.positionAfter([500, 501, 503].slice(0, end)))).toEqual([0, 1, 3]);
  });

  test("restarts if an answer has changed", () => {
    const alignment = following(pairs(500, 1), [1, SILENT, 2, 3]);
    expect(alignment.positionAfter([31, 32, 33])).toBe(3);
    expect(alignment.positionAfter([31, 32])).toBe(2);
    expect(alignment.positionAfter([])).toBe(-1);
  });

  test("does not move at tokens without a letter", () => {
    const marked = pairs(500, 1).map(({ source, target }) => ({
      source: source.filter((letter) => letter !== SILENT),
      target: target.flatMap((sound, at) => (at % 3 === 0 ? [MARK, sound] : [sound])),
    }));
    const alignment = following(marked, [1, 2, 3]);
    expect(alignment.positionAfter([MARK])).toBe(-1);
    expect(alignment.positionAfter([MARK, 31, MARK, MARK])).toBe(0);
    expect(alignment.positionAfter([MARK, 31, MARK, MARK, 32, 33])).toBe(2);
  });
});

describe(spreadPairs, () => {
  const some = Array.from({ length: 100 }, (_, at) => ({ source: [at], target: [at, at, at] }));

  test("selects pairs from everywhere, up to the number of tokens including EOS", () => {
    const taken = spreadPairs(some, 40).map(({ source }) => source[0]);
    expect(taken).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
    expect(spreadPairs(some, 400)).toBe(some);
    expect(spreadPairs([], 4)).toEqual([]);
  });
});
