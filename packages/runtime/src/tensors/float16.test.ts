import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { fromHalf, toHalf } from "./float16.js";

/** The value of half bits straight from the format's definition: sign, 5 bits of exponent, 10 of fraction. */
function valueOf(bits: number): number {
  const digits = bits.toString(2).padStart(16, "0");
  const sign = digits[0] === "1" ? -1 : 1;
  const exponent = parseInt(digits.slice(1, 6), 2);
  const fraction = parseInt(digits.slice(6), 2);
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * (fraction / 1024) * Math.pow(2, -14)
    : sign * (1 + fraction / 1024) * Math.pow(2, exponent - 15);
}

/** All finite halves from the least to the greatest, by value. */
const POSITIVE = Array.from({ length: 0x7c00 }, (_, bits) => valueOf(bits));

/** The nearest half by search; of two equally near the one with an even last bit. Beyond half a step past the largest: infinity. */
function nearest(value: number): number {
  const magnitude = Math.abs(value);
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  if (magnitude >= 65520) return sign | 0x7c00;
  let low = 0;
  let high = POSITIVE.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (POSITIVE[middle]! <= magnitude) low = middle;
    else high = middle - 1;
  }
  const above = low + 1 < POSITIVE.length ? POSITIVE[low + 1]! : 65536;
  const down = magnitude - POSITIVE[low]!;
  const up = above - magnitude;
  return sign | (down < up || (down === up && low % 2 === 0) ? low : low + 1);
}

test("all 65,536 halves have the value of their definition and come back", () => {
  for (let bits = 0; bits <= 0xffff; bits++) {
    const value = fromHalf(bits);
    if (!Object.is(value, valueOf(bits))) expect.fail(`${bits}: ${value} instead of ${valueOf(bits)}`);
    if (Number.isNaN(value)) expect(fromHalf(toHalf(value))).toBeNaN();
    else if (toHalf(value) !== bits) expect.fail(`${bits} came back as ${toHalf(value)}`);
  }
});

describe(toHalf, () => {
  test("rounds to the nearest, ties to even, at every boundary between neighbours", () => {
    for (let low = 0; low + 1 < POSITIVE.length; low++) {
      const tie = (POSITIVE[low]! + POSITIVE[low + 1]!) / 2;
      for (const value of [tie, tie * (1 + 2 ** -22), tie * (1 - 2 ** -22)].map(Math.fround)) {
        if (toHalf(value) !== nearest(value))
          expect.fail(`${value}: ${toHalf(value)} instead of ${nearest(value)}`);
      }
    }
  });

  test("rounds any float32 to the nearest half", () => {
    const anyFloat = fc.float({ noNaN: true });
    const inRange = fc.float({ noNaN: true, min: -70000, max: 70000 });
    const small = fc.float({ noNaN: true, min: Math.fround(-1e-4), max: Math.fround(1e-4) });
    fc.assert(
      fc.property(fc.oneof(anyFloat, inRange, small), (value) => {
        expect(toHalf(value)).toBe(nearest(value));
      }),
      { numRuns: 2000 },
    );
  });
});
