import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  maskedRows,
  matrix,
  pairs,
  softmax,
  valueAndSlope,
  valueOf,
  type Rows,
} from "../../test-support/logits.test-support.js";
import { traceProgram } from "../../engine/trace.js";
import { valueAndGradients } from "../../gradients.js";
import { tf } from "../../recording/tf.js";
import { uld, type UldOptions } from "./uld.js";

await tf.setBackend("cpu");

const compute = (student: Rows, teacher: Rows, mask: readonly number[], options?: UldOptions): number =>
  valueOf(uld(maskedRows(student, mask), matrix(teacher), options));

const slopes = (student: Rows, teacher: Rows, mask: readonly number[]): number[] =>
  valueAndSlope(maskedRows(student, mask), (masked) => uld(masked, matrix(teacher))).gradient;

/** Probabilities of a row, largest first. */
const ranked = (row: readonly number[], temperature = 1): number[] =>
  softmax(row.map((logit) => logit / temperature)).sort((a, b) => b - a);

const check = <T>(property: fc.IPropertyWithHooks<T>): void => {
  fc.assert(property, { numRuns: 25 });
};

/** Logits of the given probabilities. */
const logs = (...probabilities: number[]): number[] => probabilities.map(Math.log);

describe(uld, () => {
  test("compares probabilities by rank, the smaller vocabulary filled up with zeros", () => {
    const student = [logs(0.2, 0.5, 0.3)];
    expect(compute(student, [logs(0.3, 0.2, 0.5)], [1])).toBeCloseTo(0, 6);
    expect(compute(student, [logs(0.1, 0.9)], [1])).toBeCloseTo(0.4 + 0.2 + 0.2, 6);
    expect(compute(student, [logs(0.4, 0.2, 0.1, 0.3)], [1])).toBeCloseTo(0.1 + 0 + 0 + 0.1, 6);
  });

  test("is its definition in double precision for any two vocabularies, sorted teachers too", () => {
    const temperatures = fc.constantFrom(0.5, 1, 2);
    check(
      fc.property(pairs(8), pairs(8), temperatures, ({ student, mask }, other, temperature) => {
        const teacher = student.map((_, index) => other.teacher[index % other.teacher.length]!);
        const rows = student.map((row, index) => {
          const [q, p] = [ranked(row, temperature), ranked(teacher[index]!, temperature)];
          const ranks = Math.max(p.length, q.length);
          return Array.from({ length: ranks }, (_, rank) => Math.abs((q[rank] ?? 0) - (p[rank] ?? 0)));
        });
        const sums = rows.map((row) => row.reduce((sum, value) => sum + value, 0));
        const counted = sums.filter((_, index) => mask[index] === 1);
        const expected = (temperature * counted.reduce((sum, value) => sum + value, 0)) / counted.length;
        expect(compute(student, teacher, mask, { temperature })).toBeCloseTo(expected, 5);
        const sorted = teacher.map((row) => [...row].sort((a, b) => b - a));
        expect(compute(student, sorted, mask, { temperature, teacherSorted: true })).toBeCloseTo(expected, 5);
      }),
    );
  });

  test("is at most 2, finite, and does not depend on the order of tokens, for logits of ten thousand", () => {
    check(
      fc.property(pairs(1e4), ({ student, teacher, mask }) => {
        const value = compute(student, teacher, mask);
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThan(2 + 1e-5);
        expect(slopes(student, teacher, mask).every(Number.isFinite)).toBe(true);
        const reversed = (rows: Rows): Rows => rows.map((row) => [...row].reverse());
        expect(compute(reversed(student), reversed(teacher), mask)).toBeCloseTo(value, 5);
      }),
    );
  });

  test("gives each token the slope of its own rank", () => {
    // Probabilities by rank: student 0.5, 0.3, 0.2, teacher 0.6, 0.31, 0.09.
    const gradient = slopes([logs(0.2, 0.5, 0.3)], [logs(0.31, 0.6, 0.09)], [1]);
    // Signs by rank -1, -1, 1; their mean over the student is -0.6; slope q · (sign + 0.6).
    [0.2 * 1.6, 0.5 * -0.4, 0.3 * -0.4].forEach((slope, token) => {
      expect(gradient[token]).toBeCloseTo(slope, 6);
    });
  });

  test("gives padding no part in value or gradient", () => {
    const student = [
      [1, 2],
      [1e4, -1e4],
    ];
    const [one, other] = [
      [
        [0, 1],
        [3, -3],
      ],
      [
        [0, 1],
        [-1e9, 1],
      ],
    ];
    expect(compute(student, one, [1, 0])).toBe(compute(student, other, [1, 0]));
    expect(slopes(student, one, [1, 0]).slice(2)).toEqual([0, 0]);
  });

  test("ranks only as many of the student's tokens as the teacher has", () => {
    const graph = traceProgram({
      name: "uld",
      inputs: {
        logits: { dtype: "float32", shape: [2, 50] },
        teacher: { dtype: "float32", shape: [2, 4] },
        mask: { dtype: "float32", shape: [2] },
        count: { dtype: "float32", shape: [] },
      },
      build: (x) => {
        const loss = (logits: tf.Tensor): tf.Tensor =>
          uld({ logits, mask: x["mask"]!, count: x["count"]! }, x["teacher"]!, { teacherSorted: true });
        const { value, gradients } = valueAndGradients(([logits]) => loss(logits!), [x["logits"]!]);
        return { value, gradient: gradients[0]! };
      },
    });
    const sorts = graph.nodes.filter(({ opType }) => opType === "TopK");
    expect(sorts).toHaveLength(1);
    const count = graph.initializers.get(sorts[0]!.inputs[1]!)!;
    expect([...new BigInt64Array(Uint8Array.from(count.data).buffer)]).toEqual([4n]);
    expect(graph.nodes.filter(({ opType }) => opType === "ScatterElements")).toHaveLength(1);
  });

  test("rejects a teacher of another number of positions, by name", () => {
    const call = (): number =>
      compute(
        [[0, 1]],
        [
          [0, 1],
          [2, 3],
        ],
        [1],
      );
    expect(call).toThrow("uld: teacherLogits should be [1, *], got [2, 2]");
  });
});
