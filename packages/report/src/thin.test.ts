import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { thinPoints } from "./thin.js";

const points = fc.array(fc.tuple(fc.integer(), fc.integer()), { minLength: 1, maxLength: 200 });

describe(thinPoints, () => {
  test("keeps the lowest, the highest, the first and the last, within the limit and in order of x", () => {
    fc.assert(
      fc.property(points, fc.integer({ min: 4, max: 50 }), (all, limit) => {
        const kept = thinPoints(all, limit);
        const xs = kept.map(([x]) => x);
        const heights = (of: readonly (readonly [number, number])[]): readonly number[] =>
          of.map(([, y]) => y);
        expect(kept.length).toBeLessThanOrEqual(Math.max(limit, 4));
        expect(xs).toEqual([...xs].sort((a, b) => a - b));
        expect(Math.min(...heights(kept))).toBe(Math.min(...heights(all)));
        expect(Math.max(...heights(kept))).toBe(Math.max(...heights(all)));
        expect(xs[0]).toBe(Math.min(...all.map(([x]) => x)));
        expect(xs.at(-1)).toBe(Math.max(...all.map(([x]) => x)));
      }),
    );
  });
});
