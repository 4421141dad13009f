import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { INTEGER_TYPES, parametersOf, quantizeValue, type IntegerType } from "./integer-types.js";

const types = Object.keys(INTEGER_TYPES) as IntegerType[];
const finite = fc.float({ min: -1e6, max: 1e6, noNaN: true });

describe(parametersOf, () => {
  // Computed by hand from quant_utils.py.
  test.each([
    [-1, 1, "uint8", false, 2 / 255, 128], // round(127.5) is even
    [-1, 1, "int8", true, 1 / 127, 0],
    [0, 6, "uint8", false, 6 / 255, 0],
    [2, 6, "uint8", false, 6 / 255, 0], // every range includes zero
    [-6, -2, "int8", false, 6 / 255, 127],
    [-1, 3, "int8", false, 4 / 255, -64],
    [-1, 3, "uint16", false, 4 / 65535, 16384],
    [-3, 1, "uint8", true, 6 / 255, 128],
    [-3, 1, "int4", true, 6 / 15, 0],
    [0, 0, "uint8", false, 1, 0],
  ] as const)(
    "of %d to %d in %s, symmetric %s: scale %d, zero point %i",
    (low, high, type, symmetric, scale, zero) => {
      expect(parametersOf(low, high, type, { symmetric })).toEqual({ scale: Math.fround(scale), zero });
    },
  );

  test("uses one bit less if requested, and widens ranges below a device's minimum", () => {
    expect(parametersOf(-1, 1, "int8", { symmetric: true, reduceRange: true }).scale).toBe(
      Math.fround(1 / 64),
    );
    const { scale } = parametersOf(0, 0, "uint16", { symmetric: false, minimumWidth: 1e-4 });
    expect(scale).toBeCloseTo(1e-4 / 65535, 12);
  });

  test("keeps zero exact and every number of the range within half a step", () => {
    fc.assert(
      fc.property(
        finite,
        finite,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.constantFrom(...types),
        (a, b, part, type) => {
          const [low, high] = [Math.min(a, b, 0), Math.max(a, b, 0)];
          const own = parametersOf(low, high, type, { symmetric: false });
          const { range } = INTEGER_TYPES[type];
          expect(quantizeValue(0, own, range)).toBe(own.zero);
          const value = Math.fround(low + part * (high - low));
          const back = (quantizeValue(value, own, range) - own.zero) * own.scale;
          // The zero point is rounded, so a code can be missing at an end of the range. float32 division adds its own rounding.
          const slack = Math.abs(value) * 2 ** -22 + own.scale * 1e-3;
          const clipped =
            quantizeValue(value, own, range) === range[0] || quantizeValue(value, own, range) === range[1];
          expect(Math.abs(value - back)).toBeLessThanOrEqual((clipped ? 1 : 0.5) * own.scale + slack);
        },
      ),
    );
  });
});
