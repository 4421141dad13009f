import { describe, expect, test } from "vitest";
import { squadExactMatch, squadF1 } from "./squad.js";

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
