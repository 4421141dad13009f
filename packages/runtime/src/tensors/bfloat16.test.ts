import fc from "fast-check";
import { expect, test } from "vitest";
import { fromBfloat16, toBfloat16 } from "./bfloat16.js";

const roundTrip = (value: number): number => fromBfloat16(toBfloat16(Float32Array.of(value)))[0]!;

test("keeps infinities, NaN and signed zero", () => {
  for (const value of [Infinity, -Infinity, NaN, 0, -0]) expect(roundTrip(value)).toBe(value);
  const lowPayload = new Float32Array(Uint32Array.of(0x7f800001).buffer);
  expect(fromBfloat16(toBfloat16(lowPayload))[0]).toBeNaN();
});

test("rounds halfway cases to even", () => {
  // 1 + 2^-8 lies between 1 and 1 + 2^-7, 1 + 3·2^-8 between 1 + 2^-7 and 1 + 2^-6.
  expect(roundTrip(1 + 2 ** -8)).toBe(1);
  expect(roundTrip(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
});

test("is off by at most one part in 256 of any normal number, and exact the second time", () => {
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: 2 ** -100, max: 2 ** 100 }), (value) => {
      const once = roundTrip(value);
      expect(Math.abs(once - value)).toBeLessThanOrEqual(value * 2 ** -8);
      expect(roundTrip(once)).toBe(once);
    }),
  );
});
