import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { planBatches } from "./batches.js";

const sources = fc
  .array(fc.integer({ min: 1, max: 6 }), { maxLength: 40 })
  .map((lengths) =>
    lengths.map((length, row) => ({ row, text: "", ids: new Array<number>(length).fill(7) })),
  );

describe(planBatches, () => {
  test("puts every source into exactly one batch of at most the size, shortest first", () => {
    fc.assert(
      fc.property(sources, fc.integer({ min: 1, max: 9 }), fc.boolean(), (all, size, sameLength) => {
        const batches = planBatches(all, size, sameLength);
        const rows = batches.flat().map(({ row }) => row);
        expect([...rows].sort((x, y) => x - y)).toEqual(all.map(({ row }) => row));
        const lengths = batches.flat().map(({ ids }) => ids.length);
        expect(lengths).toEqual([...lengths].sort((x, y) => x - y));
        expect(batches.every((batch) => batch.length >= 1 && batch.length <= size)).toBe(true);
        if (sameLength) {
          expect(batches.every((batch) => new Set(batch.map(({ ids }) => ids.length)).size === 1)).toBe(true);
        } else {
          expect(batches.length).toBe(Math.ceil(all.length / size));
        }
      }),
    );
  });
});
