import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { argmax, logSumExp, topIds } from "./logits.js";

/** Few distinct values, so that ties are common. */
const tiedLogits = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 1, maxLength: 60 });

function sortedIds(values: readonly number[]): number[] {
  return values.map((_, id) => id).sort((x, y) => values[y]! - values[x]! || x - y);
}

describe(topIds, () => {
  test("is the beginning of all ids sorted by logit, then id", () => {
    fc.assert(
      fc.property(tiedLogits, fc.integer({ min: 1, max: 70 }), (values, count) => {
        expect(topIds(Float32Array.from(values), count)).toEqual(sortedIds(values).slice(0, count));
      }),
    );
  });
});

describe(argmax, () => {
  test("is the first of topIds", () => {
    fc.assert(
      fc.property(tiedLogits, (values) => {
        expect(argmax(Float32Array.from(values))).toBe(sortedIds(values)[0]);
      }),
    );
  });
});

describe(logSumExp, () => {
  test("makes the probabilities sum to one at any temperature, forbidden ids included", () => {
    const logit = fc.oneof(fc.float({ min: -80, max: 80, noNaN: true }), fc.constant(-Infinity));
    fc.assert(
      fc.property(
        fc.array(logit, { maxLength: 30 }),
        fc.double({ min: 0.1, max: 5, noNaN: true }),
        (values, heat) => {
          const logits = Float32Array.from([0, ...values]);
          const normalizer = logSumExp(logits, heat);
          const sum = logits.reduce((total, value) => total + Math.exp(value / heat - normalizer), 0);
          expect(sum).toBeCloseTo(1, 9);
        },
      ),
    );
  });

  test("does not overflow", () => {
    expect(logSumExp(Float32Array.of(3e38, 3e38))).toBeCloseTo(Math.fround(3e38), -30);
    expect(logSumExp(Float32Array.of(-1000, -1000))).toBeCloseTo(-1000 + Math.log(2), 9);
  });

  test.each([[[1, Number.NaN]], [[Number.NaN, 1]], [[Infinity, 1]], [[-Infinity, -Infinity]]])(
    "rejects the logits %j",
    (values) => {
      expect(() => logSumExp(Float32Array.from(values))).toThrow(withCode("DATA_INVALID"));
    },
  );
});
