import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  maskedRows,
  matrix,
  pairs,
  softmax,
  valueAndSlope,
  valueOf,
} from "../../test-support/logits.test-support.js";
import { tf } from "../../recording/tf.js";
import { DIVERGENCE_DEFAULTS, DIVERGENCES } from "./divergences.js";
import { withTailBucket } from "./tail-bucket.js";

await tf.setBackend("cpu");

/** Log-probabilities of a cached distribution: the kept tokens' own, and an equal share of the tail for each other token. */
function cached(logits: readonly number[], k: number): { row: number[]; kept: number[] } {
  const p = softmax(logits);
  const order = [...p.keys()].sort((a, b) => p[b]! - p[a]! || a - b);
  const kept = order.slice(0, k);
  const tail = order.slice(k).reduce((sum, id) => sum + p[id]!, 0);
  const share = Math.log(tail / (p.length - k));
  return { kept, row: p.map((value, id) => (kept.includes(id) ? Math.log(value) : share)) };
}

/** Outcomes of the bucketed form: the kept tokens in their order, then all the rest as one. */
const outcomes = (p: readonly number[], kept: readonly number[]): number[] => {
  const known = kept.map((id) => p[id]!);
  return [...known, 1 - known.reduce((sum, value) => sum + value, 0)];
};

const kl = (p: readonly number[], q: readonly number[]): number =>
  p.reduce((sum, value, at) => sum + value * Math.log(value / q[at]!), 0);

const bucketed = (name: "forwardKl" | "reverseKl", student: number[][], teacher: number[][]): number => {
  const both = withTailBucket(matrix(student), matrix(teacher));
  const { mask, count } = maskedRows(
    student,
    student.map(() => 1),
  );
  return valueOf(
    DIVERGENCES[name].compute({ logits: both.student, mask, count }, both.teacher, DIVERGENCE_DEFAULTS),
  );
};

const row = fc.array(fc.double({ min: -4, max: 4, noNaN: true }).map(Math.fround), {
  minLength: 6,
  maxLength: 6,
});

describe("the tail in one bucket", () => {
  test("compares k kept tokens and the tail mass, in both directions", () => {
    fc.assert(
      fc.property(row, row, fc.integer({ min: 1, max: 4 }), (student, teacher, k) => {
        const stored = cached(teacher, k);
        // A kept token no likelier than the tail's share is in the bucket too.
        fc.pre(
          stored.kept.every((id) => Math.fround(stored.row[id]!) > Math.fround(Math.min(...stored.row))),
        );
        const [p, q] = [outcomes(softmax(teacher), stored.kept), outcomes(softmax(student), stored.kept)];
        expect(Math.abs(bucketed("forwardKl", [student], [stored.row]) - kl(p, q))).toBeLessThan(1e-4);
        expect(Math.abs(bucketed("reverseKl", [student], [stored.row]) - kl(q, p))).toBeLessThan(1e-4);
      }),
      { numRuns: 40 },
    );
  });

  test("is the plain divergence where the whole distribution is known", () => {
    fc.assert(
      fc.property(pairs(4), ({ student, teacher }) => {
        const masked = maskedRows(
          student,
          student.map(() => 1),
        );
        const plain = valueOf(DIVERGENCES.forwardKl.compute(masked, matrix(teacher), DIVERGENCE_DEFAULTS));
        const isTied = teacher.some((values) => new Set(values).size < values.length);
        fc.pre(!isTied);
        const value = bucketed(
          "forwardKl",
          student.map((values) => [...values]),
          teacher.map((values) => [...values]),
        );
        expect(Math.abs(value - plain)).toBeLessThan(1e-4);
      }),
      { numRuns: 40 },
    );
  });

  test("says nothing about how the student divides the tail", () => {
    const stored = cached([3, 2, 0, 0, 0, 0], 2).row;
    const even = [3, 2, 0, 0, 0, 0];
    // The same total of the last four, all but one of them nearly impossible.
    const uneven = [3, 2, Math.log(4), -30, -30, -30];
    expect(bucketed("forwardKl", [uneven], [stored])).toBeCloseTo(bucketed("forwardKl", [even], [stored]), 5);
    const plain = (student: number[]): number =>
      valueOf(
        DIVERGENCES.forwardKl.compute(maskedRows([student], [1]), matrix([stored]), DIVERGENCE_DEFAULTS),
      );
    expect(plain(uneven)).toBeGreaterThan(plain(even) + 1);
  });

  test("has the closed form's gradient: q of the bucket minus p of it, shared in proportion to the student", () => {
    const student = [1, 0.5, -1, 0, 2];
    const { row: teacher, kept } = cached([2, 1.5, -1, 0, 0.5], 2);
    const { gradient } = valueAndSlope(maskedRows([student], [1]), (masked) => {
      const both = withTailBucket(masked.logits, matrix([teacher]));
      return DIVERGENCES.forwardKl.compute(
        { ...masked, logits: both.student },
        both.teacher,
        DIVERGENCE_DEFAULTS,
      );
    });
    const [p, q] = [softmax([2, 1.5, -1, 0, 0.5]), softmax(student)];
    const mass = (of: readonly number[]): number => outcomes(of, kept).at(-1)!;
    gradient.forEach((slope, id) => {
      const expected = kept.includes(id) ? q[id]! - p[id]! : (q[id]! / mass(q)) * (mass(q) - mass(p));
      expect(slope).toBeCloseTo(expected, 5);
    });
  });

  test("stays finite with its gradient where a side gives the bucket nothing", () => {
    const teacher = [0, -1e9, -1e9];
    for (const student of [
      [0, 1e4, 0],
      [1e4, 0, 0],
      [0, 0, 0],
    ]) {
      const { value, gradient } = valueAndSlope(maskedRows([student], [1]), (masked) => {
        const both = withTailBucket(masked.logits, matrix([teacher]));
        return DIVERGENCES.forwardKl.compute(
          { ...masked, logits: both.student },
          both.teacher,
          DIVERGENCE_DEFAULTS,
        );
      });
      expect(Number.isFinite(value)).toBe(true);
      expect(gradient.every(Number.isFinite)).toBe(true);
    }
  });

  test("needs two sides of one shape", () => {
    expect(() => withTailBucket(matrix([[0, 0]]), matrix([[0, 0, 0]]))).toThrow("withTailBucket");
  });
});
