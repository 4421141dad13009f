import { describe, expect, test } from "vitest";
import { PieceCounter } from "./piece-counter.js";

describe(PieceCounter, () => {
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
