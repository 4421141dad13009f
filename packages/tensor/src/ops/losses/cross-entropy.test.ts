import { describe, expect, test } from "vitest";
import { maskedRows, valueAndSlope, valueOf } from "../../test-support/logits.test-support.js";
import { tf, type Tensor } from "../../recording/tf.js";
import { crossEntropy, softTargetCrossEntropy } from "./cross-entropy.js";

await tf.setBackend("cpu");

const labelsOf = (...labels: number[]): Tensor => tf.tensor1d(labels, "int32");

/** Two rows with probabilities 1/4, 3/4 and 1/2, 1/2; the third is padding. */
const rows = [
  [0, Math.log(3)],
  [7, 7],
  [100, -100],
];
const mask = [1, 1, 0];

describe(crossEntropy, () => {
  test("is the mean of -log p(label) over loss tokens", () => {
    expect(valueOf(crossEntropy(maskedRows(rows, mask), labelsOf(0, 1, 0)))).toBeCloseTo(
      (Math.log(4) + Math.log(2)) / 2,
      6,
    );
  });

  test("smooths labels towards the uniform distribution", () => {
    const smoothing = 0.2;
    const first = -(0.9 * Math.log(1 / 4) + 0.1 * Math.log(3 / 4));
    const expected = (first + Math.log(2)) / 2;
    expect(valueOf(crossEntropy(maskedRows(rows, mask), labelsOf(0, 1, 0), smoothing))).toBeCloseTo(
      expected,
      6,
    );
  });

  test("ignores padding in value and gradient", () => {
    const loss = (padding: number[], label: number): { value: number; gradient: number[] } =>
      valueAndSlope(maskedRows([...rows.slice(0, 2), padding], mask), (masked) =>
        crossEntropy(masked, labelsOf(0, 1, label)),
      );
    const one = loss([100, -100], 0);
    expect(loss([3, 4], 1)).toEqual(one);
    expect(one.gradient.slice(4)).toEqual([0, 0]);
  });

  test("is finite for logits of ten thousand", () => {
    const extreme = maskedRows(
      [
        [1e4, -1e4],
        [-1e4, 1e4],
      ],
      [1, 1],
    );
    expect(valueOf(crossEntropy(extreme, labelsOf(1, 1)))).toBe(1e4);
  });
});

describe(softTargetCrossEntropy, () => {
  test("weights the log-probabilities of every token", () => {
    const targets = tf.tensor2d([
      [0.5, 0.5],
      [1, 0],
      [1, 0],
    ]);
    const first = 0.5 * Math.log(4) + 0.5 * Math.log(4 / 3);
    expect(valueOf(softTargetCrossEntropy(maskedRows(rows, mask), targets))).toBeCloseTo(
      (first + Math.log(2)) / 2,
      6,
    );
  });
});
