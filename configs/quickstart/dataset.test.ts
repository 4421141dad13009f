import { describe, expect, test } from "vitest";
import { exampleOf } from "./dataset.js";

describe(exampleOf, () => {
  test.each([
    ["CAT", "K AE1 T", "cat", "K AE T"],
    ["A(1)", "EY1", "a", "EY"],
    ["A'S", "EY1 Z", "a's", "EY Z"],
    ["HOUSE(12)", "HH AW1 S", "house", "HH AW S"],
  ])("reads %s as an example", (word, phonemes, source, target) => {
    expect(exampleOf(word, phonemes, false)).toEqual({ source, target });
  });

  test("keeps stress digits if requested", () => {
    expect(exampleOf("CAT", "K AE1 T", true)).toEqual({ source: "cat", target: "K AE1 T" });
  });

  test.each([
    ["A42128", "EY1"],
    ["AD-HOC", "AE1 D"],
    ["A.", "EY1"],
    ["CAT", ""],
    ["CAT", "K  T"],
    ["CAT", 3],
  ])("rejects %j with %j", (word, phonemes) => {
    expect(exampleOf(word, phonemes, false)).toEqual({ reject: expect.any(String) as string });
  });
});
