import { describe, expect, test } from "vitest";
import { checkRow, referencesOf } from "./row.js";

describe(checkRow, () => {
  test.each([[[]], [[""]]])(
    "takes a question without an answer, which says so with references %j",
    (references) => {
      const row = { source: "who?", target: "", references };
      expect(checkRow(row)).toEqual(row);
      expect(referencesOf(row)).toEqual(references);
    },
  );

  test.each([
    ["an empty target alone", { source: "a", target: "" }, "target: expected text, got an empty string"],
    ["a target of whitespace", { source: "a", target: " ", references: [] }, "target: expected text"],
    [
      "a target that no reference has",
      { source: "a", target: "X", references: [] },
      "references: expected a list",
    ],
    [
      "an empty answer beside others",
      { source: "a", target: "", references: ["", "X"] },
      "target: expected text",
    ],
    ["a blank reference", { source: "a", target: "", references: [" "] }, "target: expected text"],
    ["no answer to no question", { source: " ", target: "", references: [] }, "source: expected text"],
  ])("rejects %s", (_, row, reason) => {
    expect(checkRow(row)).toContain(reason);
  });
});
