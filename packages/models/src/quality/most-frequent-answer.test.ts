import { expect, test } from "vitest";
import { mostFrequentAnswer } from "./most-frequent-answer.js";

const rows = (...targets: readonly string[]) =>
  targets.map((target, index) => ({ source: `text ${index}`, references: [target] }));

test("is the share of the largest class for the accuracy, and an error rate for error rates", () => {
  expect(mostFrequentAnswer(rows("yes", "no", "yes", "maybe"), "exactMatch")).toBe(0.5);
  expect(mostFrequentAnswer(rows("a b", "a b", "c d"), "wer")).toBeCloseTo(1 / 3, 12);
});

test("is not a limit where all rows have the same answer", () => {
  expect(mostFrequentAnswer(rows("yes", "yes"), "exactMatch")).toBeNull();
});
