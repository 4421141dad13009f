import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { float16Value, readNumbers } from "./read-numbers.js";
import { float16Bits, packValues } from "./values.js";

describe(readNumbers, () => {
  const signed = ["int4", "int8", "int16", "int32", "int64"] as const;
  const unsigned = ["uint4", "uint8", "uint16", "uint32", "uint64"] as const;

  test("gives back the numbers that were packed", () => {
    for (const dtype of [...signed, ...unsigned]) {
      const values = dtype.startsWith("u") ? [0, 1, 7, 15] : [0, 1, -3, 7, -8];
      const tensor = { dtype, shape: [values.length], data: packValues(dtype, values) };
      expect(readNumbers(tensor)).toEqual(values);
    }
    for (const dtype of ["float32", "float64", "float16", "bfloat16"] as const) {
      const values = [0.5, -2, 0, 1.5];
      expect(readNumbers({ dtype, shape: [2, 2], data: packValues(dtype, values) })).toEqual(values);
    }
  });

  test("reads float16 as the inverse of writing it", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 0x7bff }), (bits) => {
        expect(float16Bits(float16Value(bits))).toBe(bits);
      }),
    );
    expect([float16Value(0x7c00), float16Value(0xfc00), float16Value(0x7e00)]).toEqual([
      Infinity,
      -Infinity,
      NaN,
    ]);
  });

  test("has no numbers for text and 8-bit floats, and rejects more than it was asked for", () => {
    expect(readNumbers({ dtype: "float8e4m3fn", shape: [1], data: new Uint8Array(1) })).toBeUndefined();
    expect(() => readNumbers({ dtype: "int8", shape: [3], data: new Uint8Array(3) }, 2)).toThrow(
      withCode("DATA_INVALID"),
    );
  });
});
