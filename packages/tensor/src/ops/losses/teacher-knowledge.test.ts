import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matrix, softmax, type Rows } from "../../test-support/logits.test-support.js";
import { tf } from "../../recording/tf.js";
import {
  KNOWLEDGE_KINDS,
  KNOWLEDGE_UNITS,
  teacherKnowledge,
  type KnowledgeKind,
} from "./teacher-knowledge.js";

await tf.setBackend("cpu");

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/** The weight of some positions of one row, by definition, in double precision. */
const DEFINITIONS: { readonly [K in KnowledgeKind]: (rows: Rows, labels: readonly number[]) => number } = {
  // The geometric mean of the labels' probabilities.
  probability: (rows, labels) =>
    rows.reduce((product, row, at) => product * softmax(row)[labels[at]!]!, 1) ** (1 / rows.length),
  agreement: (rows, labels) => mean(rows.map((row, at) => (row[labels[at]!] === Math.max(...row) ? 1 : 0))),
  certainty: (rows) =>
    mean(
      rows.map((row) => {
        const entropy = softmax(row).reduce((sum, p) => sum - (p === 0 ? 0 : p * Math.log(p)), 0);
        return 1 - entropy / Math.log(row.length);
      }),
    ),
};

const compute = (
  kind: KnowledgeKind,
  unit: "token" | "row",
  { rows, labels, mask }: Batch,
  batch: number,
): number[] => [
  ...teacherKnowledge(
    {
      teacherLogits: matrix(rows),
      labels: tf.tensor1d([...labels], "int32"),
      mask: tf.tensor1d([...mask]),
      batch,
    },
    kind,
    unit,
  ).dataSync(),
];

interface Batch {
  readonly rows: Rows;
  readonly labels: readonly number[];
  readonly mask: readonly number[];
}

const VOCABULARY = 4;
const TARGET = 3;
const batches = fc.integer({ min: 1, max: 3 }).chain((batch) => {
  const positions = batch * TARGET;
  const list = <T>(of: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> =>
    fc.array(of, { minLength: length, maxLength: length });
  const logit = fc.double({ min: -6, max: 6, noNaN: true }).map(Math.fround);
  return fc.record({
    batch: fc.constant(batch),
    rows: list(list(logit, VOCABULARY), positions),
    labels: list(fc.integer({ min: 0, max: VOCABULARY - 1 }), positions),
    mask: list(fc.constantFrom(0, 1), positions),
  });
});

describe.each(KNOWLEDGE_KINDS)("%s", (kind) => {
  test("of a token is its definition, and 0 where nothing counts", () => {
    fc.assert(
      fc.property(batches, ({ batch, ...given }) => {
        compute(kind, "token", given, batch).forEach((weight, at) => {
          const one = DEFINITIONS[kind]([given.rows[at]!], [given.labels[at]!]);
          expect(Math.abs(weight - (given.mask[at] === 1 ? one : 0))).toBeLessThan(1e-5);
        });
      }),
      { numRuns: 40 },
    );
  });

  test("of a row is that of all its positions that count, at each of them", () => {
    fc.assert(
      fc.property(batches, ({ batch, ...given }) => {
        compute(kind, "row", given, batch).forEach((weight, at) => {
          const row = Math.floor(at / TARGET);
          const counted = [...given.mask.keys()].filter(
            (place) => Math.floor(place / TARGET) === row && given.mask[place] === 1,
          );
          const pick = <T>(of: readonly T[]): T[] => counted.map((place) => of[place]!);
          const expected = given.mask[at] === 1 ? DEFINITIONS[kind](pick(given.rows), pick(given.labels)) : 0;
          expect(Math.abs(weight - expected)).toBeLessThan(1e-5);
        });
      }),
      { numRuns: 40 },
    );
  });

  test("lies between 0 and 1, for a teacher that rules the label out too", () => {
    const given = { rows: [[0, -1e9, -1e9, -1e9]], mask: [1] };
    for (const unit of KNOWLEDGE_UNITS) {
      for (const label of [0, 1]) {
        const [weight] = compute(kind, unit, { ...given, labels: [label] }, 1);
        expect(weight).toBeGreaterThanOrEqual(0);
        expect(weight).toBeLessThanOrEqual(1);
      }
    }
  });
});

test("labels and masks of another length are rejected", () => {
  const batch = { rows: [[0, 0]], labels: [0, 1], mask: [1] };
  expect(() => compute("probability", "token", batch, 1)).toThrow("labels should be [1]");
});
