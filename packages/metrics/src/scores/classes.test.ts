import { describe, expect, test } from "vitest";
import { accuracy, classScores, confusionMatrix, macroF1, weightedF1 } from "./classes.js";

// Expected values: scikit-learn 1.9.1, accuracy_score, f1_score, precision_recall_fscore_support and confusion_matrix of these lists.
const EXPECTED = Array.from("aaaabbbccd", (label) => [label]);
const PREDICTED = Array.from("aababcbcxa");

describe("metrics of classes", () => {
  test("are scikit-learn's", () => {
    expect(accuracy.compute(PREDICTED, EXPECTED)).toBeCloseTo(0.6, 12);
    expect(macroF1.compute(PREDICTED, EXPECTED)).toBeCloseTo(0.3833333333333333, 12);
    expect(weightedF1.compute(PREDICTED, EXPECTED)).toBeCloseTo(0.6, 12);
  });

  test("take the reference that the prediction equals as the expected class, and whitespace as none", () => {
    expect(accuracy.compute([" b  c "], [["a", "b c"]])).toBe(1);
    expect(macroF1.compute(["b"], [["a", "b"]])).toBe(1);
  });
});

describe(classScores, () => {
  test("has precision, recall and F1 of each class, the largest class first, predicted ones of no row last", () => {
    const third = 2 / 3;
    expect(classScores(PREDICTED, EXPECTED)).toEqual([
      { label: "a", support: 4, predicted: 4, precision: 0.75, recall: 0.75, f1: 0.75 },
      { label: "b", support: 3, predicted: 3, precision: third, recall: third, f1: third },
      { label: "c", support: 2, predicted: 2, precision: 0.5, recall: 0.5, f1: 0.5 },
      { label: "d", support: 1, predicted: 0, precision: 0, recall: 0, f1: 0 },
      { label: "x", support: 0, predicted: 1, precision: 0, recall: 0, f1: 0 },
    ]);
  });
});

describe(confusionMatrix, () => {
  test("counts which class was taken for which", () => {
    expect(confusionMatrix(PREDICTED, EXPECTED)).toEqual({
      labels: ["a", "b", "c", "d", "x"],
      counts: [
        [3, 1, 0, 0, 0],
        [0, 2, 1, 0, 0],
        [0, 0, 1, 0, 1],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
      ],
    });
  });
});
