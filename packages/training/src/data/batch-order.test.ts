import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BatchOrder, mergeSmallBuckets } from "./batch-order.js";
import type { Batch, PairLengths } from "./buckets.js";

const lengthsOf = (pairs: readonly (readonly [number, number])[]): PairLengths => ({
  source: Int32Array.from(pairs, ([source]) => source),
  target: Int32Array.from(pairs, ([, target]) => target),
});
const anyLengths = fc
  .array(fc.tuple(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 20 })), {
    minLength: 1,
    maxLength: 60,
  })
  .map(lengthsOf);

const batchesOf = (order: BatchOrder, count: number): Batch[] =>
  Array.from({ length: count }, (_, index) => order.at(index + 1));

describe(BatchOrder, () => {
  test("repeats the rows of every set by epochs of its own, and every row fits its batch's bucket", () => {
    const property = fc.property(
      anyLengths,
      anyLengths,
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat(1), { minLength: 1, maxLength: 40 }),
      (lengths, other, batchSize, buckets, sets) => {
        const of = (number: number): number => sets[(number - 1) % sets.length]!;
        const order = new BatchOrder({
          lengths,
          more: { lengths: [other], of },
          buckets,
          batchSize,
          seed: 3,
        });
        const count = 3 * sets.length;
        const epochs = order.epochsAfter(count);
        const batches = batchesOf(order, count);
        [lengths, other].forEach((own, set) => {
          const mine = batches.filter((_, index) => of(index + 1) === set);
          const seen = new Int32Array(own.source.length);
          for (const { bucket, rows } of mine) {
            expect(rows.length).toBeGreaterThan(0);
            expect(rows.length).toBeLessThanOrEqual(batchSize);
            const shape = order.buckets[bucket]!;
            for (const row of rows) {
              seen[row]! += 1;
              expect(own.source[row]!).toBeLessThanOrEqual(shape.source);
              expect(own.target[row]!).toBeLessThanOrEqual(shape.target);
            }
          }
          // No row is drawn twice before every row was drawn once.
          expect(Math.max(...seen) - Math.min(...seen)).toBeLessThanOrEqual(1);
          expect(Math.min(...seen)).toBe(Math.floor(epochs[set]! + 1e-9));
        });
      },
    );
    fc.assert(property, { numRuns: 60 });
  });

  test("is the same from any number on, as a resumed run asks for it", () => {
    const lengths = lengthsOf(Array.from({ length: 30 }, (_, row) => [1 + (row % 7), 2]));
    const more = { lengths: [lengths], of: (number: number) => (number % 3 === 0 ? 0 : 1) };
    const make = (): BatchOrder => new BatchOrder({ lengths, more, buckets: 3, batchSize: 4, seed: 5 });
    const all = batchesOf(make(), 40);
    const order = make();
    for (const number of [40, 39, 7, 7, 8, 1]) expect(order.at(number)).toEqual(all[number - 1]);
  });

  test("orders the second set differently from the first", () => {
    const lengths = lengthsOf(Array.from({ length: 40 }, () => [3, 3]));
    const order = (of: 0 | 1): BatchOrder =>
      new BatchOrder({
        lengths,
        more: { lengths: [lengths], of: () => of },
        buckets: 1,
        batchSize: 40,
        seed: 1,
      });
    expect(order(1).at(1).rows).not.toEqual(order(0).at(1).rows);
  });
});

describe(mergeSmallBuckets, () => {
  test("leaves at most the largest bucket in use without a full batch, moves rows only up, and touches no set that fills its buckets", () => {
    const property = fc.property(
      fc.array(fc.nat(4), { minLength: 1, maxLength: 80 }).map((list) => Uint8Array.from(list)),
      fc.integer({ min: 1, max: 30 }),
      (assignment, batchSize) => {
        const merged = mergeSmallBuckets(assignment, 5, batchSize);
        if (assignment.length >= 5 * batchSize) {
          expect(merged).toEqual(assignment);
          return;
        }
        merged.forEach((bucket, row) => {
          expect(bucket).toBeGreaterThanOrEqual(assignment[row]!);
        });
        const used = [...new Set(merged)].sort((a, b) => a - b);
        expect(used.at(-1)).toBe(Math.max(...assignment));
        for (const bucket of used.slice(0, -1))
          expect(merged.filter((one: number) => one === bucket).length).toBeGreaterThanOrEqual(batchSize);
      },
    );
    fc.assert(property);
  });
});
