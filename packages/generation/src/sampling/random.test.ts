import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandom, restoreRandom } from "./random.js";

const seeds = fc.integer({ min: 0, max: 0xffffffff });
const draw = (next: () => number, count: number): number[] => Array.from({ length: count }, next);

describe(restoreRandom, () => {
  test("is xoshiro128**: the published first outputs of state 1, 2, 3, 4", () => {
    // Test vector of rand_xoshiro, generated with the authors' C code. A number takes two outputs: 27 and 26 bits.
    const outputs = [11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849];
    const { next } = restoreRandom([1, 2, 3, 4]);
    for (let at = 0; at < outputs.length; at += 2) {
      expect(next()).toBe(((outputs[at]! >>> 5) * 2 ** 26 + (outputs[at + 1]! >>> 6)) / 2 ** 53);
    }
  });

  test("continues exactly where the state was taken", () => {
    fc.assert(
      fc.property(seeds, fc.nat(20), (seed, skip) => {
        const original = createRandom(seed);
        draw(original.next, skip);
        const copy = restoreRandom(original.state());
        expect(draw(copy.next, 5)).toEqual(draw(original.next, 5));
        expect(copy.state()).toEqual(original.state());
      }),
    );
  });

  test.each([[[0, 0, 0, 0]], [[1, 2, 3, -1]], [[1, 2, 3, 2 ** 32]], [[1, 2, 3, 0.5]]] as const)(
    "rejects the state %j",
    (state) => {
      expect(() => restoreRandom(state)).toThrow(withCode("DATA_INVALID"));
    },
  );
});

describe(createRandom, () => {
  test("is reproducible by seed and differs for the next seed", () => {
    fc.assert(
      fc.property(seeds, (seed) => {
        expect(draw(createRandom(seed).next, 4)).toEqual(draw(createRandom(seed).next, 4));
        expect(draw(createRandom(seed).next, 4)).not.toEqual(draw(createRandom((seed ^ 1) >>> 0).next, 4));
      }),
    );
  });

  test.each([-1, 0.5, 2 ** 32, Number.NaN])("rejects the seed %d", (seed) => {
    expect(() => createRandom(seed)).toThrow(withCode("USAGE"));
  });
});
