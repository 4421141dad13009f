import { expect, test } from "vitest";
import { guessFields } from "./guess-fields.js";

test.each([
  [["source", "target"], { source: "source", target: "target" }],
  [["id", "Question", "Answer"], { source: "Question", target: "Answer" }],
  [["de", "text"], { source: "text", target: "de" }],
  [["label", "review"], { source: "review", target: "label" }],
  [["written", "iso"], { source: "written", target: "iso" }],
  [["a", "b", "c"], {}],
  [["only"], {}],
])("of the columns %j", (columns, expected) => {
  expect(guessFields(columns)).toEqual(expected);
});
