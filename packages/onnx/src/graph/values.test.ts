import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bfloat16Bits, float16Bits, packValues } from "./values.js";

/** The number of a float16, by definition of the format. */
function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

describe(float16Bits, () => {
  test("gives every float16 its own bits back", () => {
    const isNumber = (bits: number): boolean => !Number.isNaN(float16Value(bits));
    const all = Array.from({ length: 0x10000 }, (_, bits) => bits).filter(isNumber);
    expect(all.map((bits) => float16Bits(float16Value(bits)))).toEqual(all);
    expect(float16Value(float16Bits(NaN))).toBeNaN();
  });

  test("rounds to the nearest, ties to even", () => {
    fc.assert(
      fc.property(fc.double({ min: -70000, max: 70000, noNaN: true }), (value) => {
        const bits = float16Bits(value);
        const error = Math.abs(float16Value(bits) - value);
        for (const neighbour of [bits - 1, bits + 1]) {
          const other = float16Value(neighbour & 0xffff);
          if (!Number.isFinite(other) || !Number.isFinite(float16Value(bits))) continue;
          const otherError = Math.abs(other - value);
          expect(
            error < otherError || (error === otherError && bits % 2 === 0) || (bits & 0x7fff) === 0,
          ).toBe(true);
        }
      }),
    );
    expect(float16Bits(1 + 2 ** -11)).toBe(0x3c00);
    expect(float16Bits(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect([65504, 65519.99, 65520, -65520].map(float16Bits)).toEqual([0x7bff, 0x7bff, 0x7c00, 0xfc00]);
    expect([2 ** -25, 1.5 * 2 ** -25, 2 ** -14 - 2 ** -26].map(float16Bits)).toEqual([0, 1, 0x400]);
  });
});

test("bfloat16 is the upper half of float32, rounded to even", () => {
  expect([1, -2, 0, NaN, Infinity].map(bfloat16Bits)).toEqual([0x3f80, 0xc000, 0, 0x7fc0, 0x7f80]);
  expect([1 + 2 ** -8, 1 + 3 * 2 ** -8].map(bfloat16Bits)).toEqual([0x3f80, 0x3f82]);
});

describe(packValues, () => {
  test("packs 4-bit elements two per byte, low nibble first, negative ones in two's complement", () => {
    expect([...packValues("int4", [1, -2, 7])]).toEqual([0xe1, 0x07]);
    expect([...packValues("uint4", [1, 15])]).toEqual([0xf1]);
  });

  test.each([
    ["int4", 8],
    ["uint4", -1],
    ["int8", 128],
    ["uint8", 0.5],
    ["bool", 2],
    ["int32", 2 ** 31],
    ["int64", 2 ** 53],
  ] as const)("rejects a number that %s cannot hold: %d", (dtype, value) => {
    expect(() => packValues(dtype, [value])).toThrow(SlmError);
  });
});
