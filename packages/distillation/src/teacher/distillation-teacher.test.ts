import fc from "fast-check";
import { expect, test } from "vitest";
import { roundLength } from "./distillation-teacher.js";

test("rounds lengths up by less than half, to few distinct lengths", () => {
  fc.assert(
    fc.property(fc.integer({ min: 9, max: 5000 }), (length) => {
      const rounded = roundLength(length);
      expect(rounded).toBeGreaterThanOrEqual(length);
      expect(rounded).toBeLessThan(1.5 * length);
    }),
  );
  const different = new Set(Array.from({ length: 512 }, (_, index) => roundLength(index + 1)));
  expect([...different]).toEqual([8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]);
});
