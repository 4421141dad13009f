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
  [["id", "text"], { source: "text", target: "id" }],
  [["en", "id"], { source: "en", target: "id" }],
  [["id", "written", "iso"], { source: "written", target: "iso" }],
  [["row_id", "#", "in", "out"], { source: "in", target: "out" }],
])("of the columns %j", (columns, expected) => {
  expect(guessFields(columns)).toEqual(expected);
});
