import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  abstentionAt,
  calibrationError,
  chooseThreshold,
  confidenceOf,
  type JudgedAnswer,
} from "./abstention.js";

const right = (...confidences: readonly number[]): JudgedAnswer[] =>
  confidences.map((confidence) => ({ confidence, correct: true }));
const wrong = (...confidences: readonly number[]): JudgedAnswer[] =>
  confidences.map((confidence) => ({ confidence, correct: false }));

test("a threshold that withholds everything has no errors", () => {
  expect(abstentionAt(wrong(0.2), 0.5)).toEqual({ threshold: 0.5, rows: 1, coverage: 0, errorRate: 0 });
});

describe(confidenceOf, () => {
  test("is the probability of the answer, at most 1 whatever rounding does", () => {
    expect(confidenceOf({ logProbability: Math.log(0.25) })).toBeCloseTo(0.25, 12);
    expect(confidenceOf({ logProbability: 1e-7 })).toBe(1);
  });
});

describe(chooseThreshold, () => {
  test("withholds no right answer of few rows, and nothing less sure than all of them", () => {
    const chosen = chooseThreshold(right(0.9, 0.7, 0.8));
    expect(chosen).toEqual({ threshold: 0.7, rows: 3, coverage: 1, errorRate: 0 });
  });

  test("withholds the share of right answers that need not be kept", () => {
    const answers = right(...Array.from({ length: 199 }, (_, index) => (index + 1) / 200));
    expect(chooseThreshold(answers, { keep: 0.99 }).threshold).toBe(2 / 200);
    expect(chooseThreshold(answers, { keep: 0.9 }).threshold).toBe(20 / 200);
  });

  test("is raised until wrong answers are rare enough", () => {
    const answers = [...right(0.5, 0.7, 0.9), ...wrong(0.6, 0.8)];
    expect(chooseThreshold(answers)).toMatchObject({ threshold: 0.5, errorRate: 0.4 });
    expect(chooseThreshold(answers, { maxError: 0.35 })).toMatchObject({ threshold: 0.7, coverage: 0.6 });
    expect(chooseThreshold(answers, { maxError: 0 })).toMatchObject({ threshold: 0.9, errorRate: 0 });
  });

  test("keeps its promise on rows like those it was chosen on", () => {
    // A new right answer is equally likely to have every rank among the others, so at most k of n + 1 ranks are below the threshold.
    const confidences = fc.uniqueArray(fc.double({ min: 0, max: 1, noNaN: true }), {
      minLength: 2,
      maxLength: 300,
    });
    fc.assert(
      fc.property(confidences, fc.double({ min: 0.5, max: 1, noNaN: true }), (all, keep) => {
        const allowed = Math.max(1, Math.floor((1 - keep) * all.length + 1e-9));
        const withheld = all.filter((own, at) => {
          const others = all.filter((_, place) => place !== at);
          return own < chooseThreshold(right(...others), { keep }).threshold;
        });
        expect(withheld.length).toBeLessThanOrEqual(allowed);
      }),
      { numRuns: 30 },
    );
  });

  test.each([
    ["no right answer", wrong(0.9), {}, /none of 1 rows/],
    ["no threshold with so few errors", [...right(0.5), ...wrong(0.9)], { maxError: 0.1 }, /best leaves 0.5/],
    ["a share above 1", right(0.5), { keep: 1.5 }, /keep must be from 0 to 1/],
  ])("rejects %s", (_, answers, options, message) => {
    expect(() => chooseThreshold(answers, options)).toThrow(message);
  });
});

describe(calibrationError, () => {
  test("is 0 where the share of right answers is the confidence, and 1 where all is wrong with certainty", () => {
    expect(calibrationError([...right(0.75, 0.75, 0.75), ...wrong(0.75)])).toBe(0);
    expect(calibrationError(wrong(1, 1))).toBe(1);
    expect(calibrationError([])).toBe(0);
  });
});
