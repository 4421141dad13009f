import { describe, expect, test } from "vitest";
import { Draw } from "../shared/draw.js";
import { spellingRow } from "./dataset.js";

const rows = (wrong: number) =>
  Array.from({ length: 2000 }, (_, row) => spellingRow(new Draw(1, row), wrong));

describe(spellingRow, () => {
  test("mistypes about the requested share of words, by one letter or a swap", () => {
    const words = rows(12).flatMap(({ source, target }) => {
      const [typed, meant] = [source.split(" "), target.split(" ")];
      expect(typed).toHaveLength(meant.length);
      return meant.map((word, at) => ({ word, isWrong: typed[at] !== word, typed: typed[at]! }));
    });
    const longer = words.filter(({ word }) => /^[a-z]{4,}$/.test(word));
    const wrong = longer.filter(({ isWrong }) => isWrong);
    // A swap of two equal letters changes nothing.
    expect(wrong.length / longer.length).toBeGreaterThan(0.1);
    expect(wrong.length / longer.length).toBeLessThan(0.13);
    expect(wrong.every(({ word, typed }) => Math.abs(word.length - typed.length) <= 1)).toBe(true);
  });
});
