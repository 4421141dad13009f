import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PieceCounter } from "./piece-counter.js";
import { SPLITS, splitText } from "../text/split-patterns.js";

describe(PieceCounter, () => {
  test("counts pieces over all texts", () => {
    const counter = new PieceCounter({ spaces: "joined" });
    counter.add("a word, a word");
    counter.add("a word");
    expect(Object.fromEntries(counter.counts)).toEqual({ a: 2, " word": 3, ",": 1, " a": 1 });
  });

  test("forgets the rarest pieces when there are too many, and never keeps more than allowed", () => {
    const counter = new PieceCounter({ spaces: "apart", maxPieces: 10 });
    for (let index = 0; index < 1000; index++) {
      counter.add(`often${"x".repeat(index)}`);
      counter.add("always");
      expect(counter.counts.size).toBeLessThanOrEqual(10);
    }
    expect(counter.counts.get("always")).toBe(1000);
  });

  test("cuts long pieces and keeps characters whole", () => {
    const counter = new PieceCounter({ spaces: "apart" });
    counter.add("𝒳".repeat(300));
    expect(Array.from(counter.counts, ([piece, count]) => [Array.from(piece).length, count])).toEqual([
      [128, 2],
      [44, 1],
    ]);
  });
});

describe(splitText, () => {
  test.each(SPLITS)("finds every character of a text (spaces %s)", (spaces) => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(splitText(text, spaces).join("")).toBe(text);
      }),
    );
  });

  test("keeps identifiers and marked letters whole, and joins one space at most", () => {
    expect(splitText("entity_name  e\u0301a 42%", "joined")).toEqual([
      "entity_name",
      " ",
      " e\u0301a",
      " 42",
      "%",
    ]);
    expect(splitText('{"a_b": "c d"}', "apart")).toEqual(['{"', "a_b", '": "', "c", " ", "d", '"}']);
  });
});
