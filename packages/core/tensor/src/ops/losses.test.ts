import { describe, expect, test } from "vitest";
import { tf, type Tensor } from "../tf.js";
import { crossEntropy, forwardKl, reverseKl, softTargetCrossEntropy, type CountedLogits } from "./losses.js";

await tf.setBackend("cpu");

const counted = (rows: number[][], mask: number[]): CountedLogits => ({
  logits: tf.tensor2d(rows),
  mask: tf.tensor1d(mask),
  count: tf.scalar(mask.reduce((sum, value) => sum + value, 0)),
});

const valueOf = (tensor: Tensor): number => tensor.dataSync()[0]!;
const labelsOf = (...labels: number[]): Tensor => tf.tensor1d(labels, "int32");

/** Two rows whose probabilities are 1/4, 3/4 and 1/2, 1/2; the third is padding. */
const rows = [
  [0, Math.log(3)],
  [7, 7],
  [100, -100],
];
const teacherRows = [
  [0, 0],
  [Math.log(9), 0],
  [-5, 5],
];
const mask = [1, 1, 0];

describe(crossEntropy, () => {
  test("is the mean of -log p(label) over counted positions", () => {
    expect(valueOf(crossEntropy(counted(rows, mask), labelsOf(0, 1, 0)))).toBeCloseTo(
      (Math.log(4) + Math.log(2)) / 2,
      6,
    );
  });

  test("smooths labels towards the uniform distribution", () => {
    const smoothing = 0.2;
    const first = -(0.9 * Math.log(1 / 4) + 0.1 * Math.log(3 / 4));
    const expected = (first + Math.log(2)) / 2;
    expect(valueOf(crossEntropy(counted(rows, mask), labelsOf(0, 1, 0), smoothing))).toBeCloseTo(expected, 6);
  });

  test("gives padding no part in value or gradient", () => {
    const loss = (padding: number[], label: number): { value: number; gradient: number[] } => {
      const { value, grad } = tf.valueAndGrad((logits) =>
        crossEntropy({ ...counted(rows, mask), logits }, labelsOf(0, 1, label)),
      )(tf.tensor2d([...rows.slice(0, 2), padding]));
      return { value: valueOf(value), gradient: [...grad.dataSync()].map((slope) => slope + 0) };
    };
    const one = loss([100, -100], 0);
    expect(loss([3, 4], 1)).toEqual(one);
    expect(one.gradient.slice(4)).toEqual([0, 0]);
  });

  test("is finite for logits of ten thousand", () => {
    const extreme = counted(
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
    expect(valueOf(softTargetCrossEntropy(counted(rows, mask), targets))).toBeCloseTo(
      (first + Math.log(2)) / 2,
      6,
    );
  });
});

const kl = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, value, index) => sum + value * Math.log(value / q[index]!), 0);

const STUDENT = [
  [1 / 4, 3 / 4],
  [1 / 2, 1 / 2],
] as const;
const TEACHER = [
  [1 / 2, 1 / 2],
  [9 / 10, 1 / 10],
] as const;

describe("Kullback-Leibler divergence", () => {
  test("forward is KL(teacher || student) averaged over counted positions", () => {
    const expected = (kl(TEACHER[0], STUDENT[0]) + kl(TEACHER[1], STUDENT[1])) / 2;
    expect(valueOf(forwardKl(counted(rows, mask), tf.tensor2d(teacherRows)))).toBeCloseTo(expected, 6);
  });

  test("reverse is KL(student || teacher) averaged over counted positions", () => {
    const expected = (kl(STUDENT[0], TEACHER[0]) + kl(STUDENT[1], TEACHER[1])) / 2;
    expect(valueOf(reverseKl(counted(rows, mask), tf.tensor2d(teacherRows)))).toBeCloseTo(expected, 6);
  });

  test.each([forwardKl, reverseKl])("%o is zero for equal logits, shifted ones too", (divergence) => {
    const shifted = rows.map((row) => row.map((value) => value + 3));
    expect(Math.abs(valueOf(divergence(counted(rows, [1, 1, 1]), tf.tensor2d(shifted))))).toBeLessThan(1e-6);
  });

  test.each([forwardKl, reverseKl])(
    "%o and its gradient are finite for logits of ten thousand",
    (divergence) => {
      const teacher = tf.tensor2d([
        [-1e4, 1e4],
        [1e4, -1e4],
      ]);
      const { value, grad } = tf.valueAndGrad((logits) =>
        divergence(
          {
            ...counted(
              [
                [0, 0],
                [0, 0],
              ],
              [1, 1],
            ),
            logits,
          },
          teacher,
        ),
      )(
        tf.tensor2d([
          [1e4, -1e4],
          [1e4, -1e4],
        ]),
      );
      expect(valueOf(value)).toBe(1e4);
      expect([...grad.dataSync()].every(Number.isFinite)).toBe(true);
    },
  );
});
