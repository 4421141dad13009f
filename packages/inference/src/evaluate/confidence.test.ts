import { describe, expect, test } from "vitest";
import { calibrationError, confidenceOf, type JudgedAnswer } from "./confidence.js";

const right = (...confidences: readonly number[]): JudgedAnswer[] =>
  confidences.map((confidence) => ({ confidence, correct: true }));
const wrong = (...confidences: readonly number[]): JudgedAnswer[] =>
  confidences.map((confidence) => ({ confidence, correct: false }));

describe(confidenceOf, () => {
  test("is the probability of the answer, at most 1 whatever rounding does", () => {
    expect(confidenceOf({ logProbability: Math.log(0.25) })).toBeCloseTo(0.25, 12);
    expect(confidenceOf({ logProbability: 1e-7 })).toBe(1);
  });
});

describe(calibrationError, () => {
  test("is 0 where the share of right answers is the confidence, and 1 where all is wrong with certainty", () => {
    expect(calibrationError([...right(0.75, 0.75, 0.75), ...wrong(0.75)])).toBe(0);
    expect(calibrationError(wrong(1, 1))).toBe(1);
    expect(calibrationError([])).toBe(0);
  });
});
