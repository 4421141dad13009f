import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assignBuckets, epochBatches, planBuckets, type PairLengths } from "./buckets.js";

const anyLengths: fc.Arbitrary<PairLengths> = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 40 })), {
    minLength: 1,
    maxLength: 120,
  })
  .map((pairs) => ({
    source: Int32Array.from(pairs, ([source]) => source),
    target: Int32Array.from(pairs, ([, target]) => target),
  }));
const anyCount = fc.integer({ min: 1, max: 12 });

describe(planBuckets, () => {
  test("makes at most the buckets asked for, and every pair fits the one it is given", () => {
    fc.assert(
      fc.property(anyLengths, anyCount, (lengths, count) => {
        const buckets = planBuckets(lengths, count);
        expect(buckets.length).toBeLessThanOrEqual(count);
        assignBuckets(lengths, buckets).forEach((bucket, row) => {
          expect(buckets[bucket]!.source).toBeGreaterThanOrEqual(lengths.source[row]!);
          expect(buckets[bucket]!.target).toBeGreaterThanOrEqual(lengths.target[row]!);
        });
      }),
    );
  });

  test("separates short pairs from long ones", () => {
    const lengths = { source: Int32Array.of(2, 2, 2, 2, 20), target: Int32Array.of(3, 3, 3, 3, 30) };
    const buckets = planBuckets(lengths, 2);
    expect([...assignBuckets(lengths, buckets)]).not.toContain(-1);
    expect(planBuckets({ source: Int32Array.of(2, 20), target: Int32Array.of(2, 20) }, 8).at(-1)).toEqual({
      source: 20,
      target: 20,
    });
  });

  test("without pairs are rejected", () => {
    const none = { source: new Int32Array(0), target: new Int32Array(0) };
    expect(() => planBuckets(none, 4)).toThrow(withCode("DATA_INVALID"));
  });
});

describe(epochBatches, () => {
  const anyAssignment = fc
    .array(fc.nat(4), { minLength: 1, maxLength: 100 })
    .map((list) => Uint8Array.from(list));
  const anyBatch = fc.integer({ min: 1, max: 9 });

  test("contains every pair exactly once, in batches of one bucket and at most the requested size", () => {
    fc.assert(
      fc.property(anyAssignment, anyBatch, fc.nat(1000), fc.nat(20), (assignment, size, seed, epoch) => {
        const batches = epochBatches(assignment, size, seed, epoch);
        const rows = batches.flatMap((batch) => [...batch.rows]);
        expect(rows.sort((a, b) => a - b)).toEqual(Array.from(assignment, (_, row) => row));
        for (const { bucket, rows: members } of batches) {
          expect(members.length).toBeLessThanOrEqual(size);
          expect([...members].every((row) => assignment[row] === bucket)).toBe(true);
        }
        const short = batches.filter((batch) => batch.rows.length < size);
        expect(new Set(short.map(({ bucket }) => bucket)).size, "one short batch a bucket").toBe(
          short.length,
        );
      }),
    );
  });
});
