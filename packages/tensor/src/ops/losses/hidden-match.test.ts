import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matrix, valueOf, type Rows } from "../../test-support/logits.test-support.js";
import { tf } from "../../recording/tf.js";
import { HIDDEN_MATCH_KINDS, hiddenMatch, type HiddenMatchKind, type HiddenStates } from "./hidden-match.js";

await tf.setBackend("cpu");

interface Case {
  readonly student: Rows;
  readonly teacher: Rows;
  readonly projection: Rows;
  readonly mask: readonly number[];
}

const statesOf = ({ student, teacher, projection, mask }: Case): HiddenStates => ({
  student: matrix(student),
  teacher: matrix(teacher),
  projection: matrix(projection),
  mask: tf.tensor1d([...mask]),
  count: tf.scalar(mask.reduce((sum, value) => sum + value, 0)),
});

const compute = (states: Case, kind: HiddenMatchKind): number => valueOf(hiddenMatch(statesOf(states), kind));

const example: Case = {
  student: [
    [1, 2],
    [0, 1],
    [9, 9],
  ],
  projection: [
    [1, 0, 2],
    [0, 1, 1],
  ],
  // The student's states projected: [1, 2, 4], [0, 1, 1], [9, 9, 27].
  teacher: [
    [2, 4, 8],
    [1, 0, 1],
    [-1, 5, 0],
  ],
  mask: [1, 1, 0],
};

describe(hiddenMatch, () => {
  test("mse is the mean squared difference over width and loss tokens", () => {
    expect(compute(example, "mse")).toBeCloseTo(((1 + 4 + 16) / 3 + (1 + 1 + 0) / 3) / 2, 6);
  });

  test("cosine is 1 - cosine, averaged over loss tokens", () => {
    expect(compute(example, "cosine")).toBeCloseTo((0 + (1 - 1 / 2)) / 2, 6);
  });

  test("cosine does not depend on the length of either state and is between 0 and 2", () => {
    const values = fc.array(fc.double({ min: 0.1, max: 4, noNaN: true }), { minLength: 2, maxLength: 2 });
    const scales = fc.double({ min: 0.01, max: 100, noNaN: true });
    fc.assert(
      fc.property(values, values, scales, (student, teacher, scale) => {
        const identity = [
          [1, 0],
          [0, 1],
        ];
        const at = (factor: number): number => {
          const scaled = student.map((value) => value * factor);
          return compute(
            { student: [scaled], teacher: [teacher], projection: identity, mask: [1] },
            "cosine",
          );
        };
        expect(at(scale)).toBeCloseTo(at(1), 5);
        expect(at(-scale)).toBeCloseTo(2 - at(1), 5);
      }),
      { numRuns: 25 },
    );
  });

  test.each(HIDDEN_MATCH_KINDS)(
    "%s gives padding no part, and a state of zeros a finite gradient",
    (kind) => {
      const padded = (row: readonly number[]): Case => ({ ...example, student: [[0, 0], [0, 1], row] });
      expect(compute(padded([9, 9]), kind)).toBe(compute(padded([-1e3, 7]), kind));
      const states = statesOf(padded([9, 9]));
      const gradients = tf.grads((student, projection) =>
        hiddenMatch({ ...states, student, projection }, kind),
      )([states.student, states.projection]);
      const [byStudent, byProjection] = gradients.map((gradient) => [...gradient.dataSync()]);
      expect(byStudent!.every(Number.isFinite)).toBe(true);
      expect(byProjection!.every(Number.isFinite)).toBe(true);
      expect(byStudent!.slice(4).map((slope) => slope + 0)).toEqual([0, 0]);
    },
  );

  test.each([
    ["projection", { projection: [[1, 2]] }, "hiddenMatch: projection should be [2, 3], got [1, 2]"],
    ["teacher", { teacher: [[1, 2, 3]] }, "hiddenMatch: teacher should be [3, *], got [1, 3]"],
    ["mask", { mask: [1] }, "hiddenMatch: mask should be [3], got [1]"],
  ])("rejects a %s that does not fit, by name", (_name, change, message) => {
    expect(() => compute({ ...example, ...change }, "mse")).toThrow(message);
  });
});
