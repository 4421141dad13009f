import { withCode } from "@slm/core/testing";
import { afterEach, expect, test } from "vitest";
import { lossConfig, requiresDistributions, requiresLabels, termsOf } from "../config/loss-config.js";
import { LOSS_TERMS, type LossTerm } from "../config/loss-terms.js";

const EXTENSION = "test-losses";
afterEach(() => {
  LOSS_TERMS.remove(EXTENSION);
});

const squares: LossTerm = {
  description: "needs the teacher",
  needsDistributions: true,
  compute: ({ math, logits }) => math.sum(logits),
};
const confidence: LossTerm = {
  description: "needs labels",
  needsDistributions: false,
  compute: ({ math, logits }) => math.sum(logits),
};

test("a term requests its inputs only if it has a weight", () => {
  LOSS_TERMS.add("squares", squares, EXTENSION);
  LOSS_TERMS.add("confidence", confidence, EXTENSION);
  const parse = (terms: object): ReturnType<typeof lossConfig.parse> =>
    lossConfig.parse({ forwardKl: 0, crossEntropy: 0, terms });
  const both = parse({ squares: 1, confidence: 2 });
  expect(termsOf(both)).toEqual(["squares", "confidence"]);
  expect([requiresDistributions(both), requiresLabels(both)]).toEqual([true, true]);
  const labels = parse({ squares: 0, confidence: 2 });
  expect([requiresDistributions(labels), requiresLabels(labels)]).toEqual([false, true]);
});

test("a recipe cannot name an unknown term, and an extension cannot use a built-in name", () => {
  expect(lossConfig.safeParse({ terms: { mine: 1 } }).error?.issues[0]?.message).toBe(
    "expected a term of an extension (no extension with terms is loaded), got 'mine'",
  );
  expect(() => {
    LOSS_TERMS.add("forwardKl", squares, EXTENSION);
  }).toThrow(withCode("CONFIG_INVALID"));
});
