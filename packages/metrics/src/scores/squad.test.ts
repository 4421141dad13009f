import { describe, expect, test } from "vitest";
import { normalizeAnswer, squadExactMatch, squadF1 } from "./squad.js";

describe(normalizeAnswer, () => {
  test.each([
    ["The  U.S. Navy's", "us navys"],
    ["an A the THE", ""],
    ["theory of a-priori", "theory of apriori"],
    ["the_end", "theend"],
    ["é the ß", "é ß"],
    ["éthe theß", "éthe theß"],
  ])("of %j is %j", (text, expected) => {
    expect(normalizeAnswer(text)).toBe(expected);
  });
});

describe("questions without an answer", () => {
  test.each([{ references: [] }, { references: [""] }, { references: ["the", "?"] }])(
    "are answered right by silence alone, references $references",
    ({ references }) => {
      for (const { compute, rowScore } of [squadExactMatch, squadF1]) {
        expect(compute(["", "the.", "Oslo"], [references, references, references])).toBe(2 / 3);
        expect(rowScore("Oslo", references)).toBe(0);
      }
    },
  );

  test("are not what an empty reference beside one with text means", () => {
    expect(squadF1.rowScore("", ["", "Oslo"])).toBe(0);
    expect(squadExactMatch.rowScore("", ["", "Oslo"])).toBe(0);
  });
});

describe("squadF1", () => {
  test("counts a repeated word as often as both sides have it", () => {
    // Shared: x twice. Precision 2/3, recall 2/4.
    expect(squadF1.rowScore("x x x", ["x x y z"])).toBeCloseTo(4 / 7, 12);
  });

  test("uses the best reference", () => {
    expect(squadF1.rowScore("x y", ["z", "x", "x y w w"])).toBeCloseTo(2 / 3, 12);
  });
});
