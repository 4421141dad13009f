import { describe, expect, test } from "vitest";
import { draftByPromptLookup } from "./copies.js";

describe(draftByPromptLookup, () => {
  test.each([
    ["what followed in the source", [5, 6, 7, 8], [1, 5, 6], 2, [7, 8]],
    ["the source before the answer", [5, 9], [5, 6, 5], 1, [9]],
    ["the answer where it matches further", [4, 5, 9], [3, 5, 6, 3, 5], 1, [6]],
    ["the longer match", [1, 2, 9, 2, 8], [1, 2], 1, [9]],
    ["of equal matches the one at the place of a copy", [7, 1, 2, 7, 3, 4, 7, 5], [9, 9, 9, 7], 1, [3]],
    ["the latest of the answer", [], [5, 1, 5, 2, 5], 1, [2]],
    ["nothing for what is new", [1, 2, 3], [4], 3, []],
    ["nothing before the first token", [1, 2, 3], [], 3, []],
    ["nothing behind the end of the source", [1, 2, 3], [3], 3, []],
  ])("copies %s", (_, source, answer, count, expected) => {
    expect(draftByPromptLookup(source, answer, count)).toEqual(expected);
  });
});
