import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hashSource, splitOf, SPLITS } from "./split.js";

const fractions = fc
  .tuple(fc.double({ min: 0, max: 0.49, noNaN: true }), fc.double({ min: 0, max: 0.49, noNaN: true }))
  .map(([testFraction, devFraction]) => ({ testFraction, devFraction }));

describe(hashSource, () => {
  test("is the start of the source's SHA-256, so splits are stable between versions", () => {
    // FIPS 180-2, appendix B.1: SHA-256("abc") = ba7816bf 8f01cfea 414140de ...
    expect(hashSource("abc")).toEqual({ split: 0xba7816bf8f01 / 2 ** 48, rank: 0xcfea414140de / 2 ** 48 });
  });

  test("ignores case, so a test word in capitals is never a training word", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (source) => {
        expect(hashSource(source.toUpperCase().toLowerCase())).toEqual(hashSource(source.toUpperCase()));
      }),
    );
  });
});

describe(splitOf, () => {
  test("gives each split about its share of the sources", () => {
    const counts = { train: 0, dev: 0, test: 0 };
    const n = 20_000;
    for (let index = 0; index < n; index++) {
      counts[splitOf(hashSource(`word ${index}`), { testFraction: 0.1, devFraction: 0.02 })]++;
    }
    // Five standard deviations of a binomial count: 5 * sqrt(n p (1 - p)) is 212 for test and 99 for dev.
    expect(Math.abs(counts.test - n * 0.1)).toBeLessThan(212);
    expect(Math.abs(counts.dev - n * 0.02)).toBeLessThan(99);
  });

  test("a larger test fraction only adds to the test sources", () => {
    fc.assert(
      fc.property(fc.string(), fractions, fractions, (source, one, other) => {
        const [small, large] = one.testFraction <= other.testFraction ? [one, other] : [other, one];
        const hash = hashSource(source);
        expect(SPLITS).toContain(splitOf(hash, small));
        if (splitOf(hash, small) === "test") expect(splitOf(hash, large)).toBe("test");
      }),
    );
  });
});
