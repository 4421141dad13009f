import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseBytes } from "./budget.js";
import { chooseFormats, type ChoosingLayer } from "./choose-formats.js";
import { logitDivergence } from "../calibration/logit-judge.js";

const layer = (key: string, small: number, large: number): ChoosingLayer<string, string> => ({
  key,
  choices: [
    { format: "float32", bytes: 8, damage: 0 },
    { format: "8", bytes: 2, damage: large },
    { format: "4", bytes: 1, damage: small },
  ],
});

describe(chooseFormats, () => {
  test("spends the budget where a byte saves most damage", () => {
    const layers = [layer("a", 5, 1), layer("b", 2, 0.5), layer("c", 0.1, 0.05)];
    const { formats, bytes, damage } = chooseFormats(layers, 5);
    expect(Object.fromEntries(formats)).toEqual({ a: "8", b: "8", c: "4" });
    expect([bytes, damage]).toEqual([5, 1.6]);
    expect(Object.fromEntries(chooseFormats(layers, 24).formats)).toEqual({
      a: "float32",
      b: "float32",
      c: "float32",
    });
  });

  test("skips a format that is larger and no better than another", () => {
    const choices = [
      { format: "float32", bytes: 8, damage: 0 },
      { format: "8", bytes: 2, damage: 3 },
      { format: "4", bytes: 1, damage: 1 },
    ];
    expect(chooseFormats([{ key: "a", choices }], 7).formats.get("a")).toBe("4");
  });

  test("is rejected where even the smallest formats do not fit", () => {
    expect(() => chooseFormats([layer("a", 1, 0)], 0.5)).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID" }),
    );
  });

  const layers = fc.array(
    fc.record({
      small: fc.double({ min: 0, max: 10, noNaN: true }),
      large: fc.double({ min: 0, max: 10, noNaN: true }),
    }),
    { minLength: 1, maxLength: 5 },
  );

  test("never exceeds the budget, and is at most the best single step worse than trying everything", () => {
    fc.assert(
      fc.property(layers, fc.integer({ min: 0, max: 40 }), (sensitivities, spare) => {
        const choosing = sensitivities.map(({ small, large }, at) => layer(`l${at}`, small, large));
        const budget = choosing.length + spare;
        const { bytes, damage } = chooseFormats(choosing, budget);
        expect(bytes).toBeLessThanOrEqual(budget);
        let best = Infinity;
        const search = (at: number, used: number, sum: number): void => {
          if (used > budget) return;
          if (at === choosing.length) best = Math.min(best, sum);
          else
            for (const choice of choosing[at]!.choices)
              search(at + 1, used + choice.bytes, sum + choice.damage);
        };
        search(0, 0, 0);
        const step = Math.max(...choosing.flatMap(({ choices }) => choices.map((choice) => choice.damage)));
        expect(damage).toBeLessThanOrEqual(best + step + 1e-9);
      }),
    );
  });
});

describe(parseBytes, () => {
  test.each([
    ["2MB", 2e6],
    ["500KB", 5e5],
    ["1.5GB", 1.5e9],
    ["64B", 64],
  ] as const)("reads %s", (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  test.each(["", "2", "MB", "-2MB", "2 MB", "2mb", "0MB", "2MiB", "1e3MB"])("rejects %j", (text) => {
    expect(() => parseBytes(text)).toThrow(expect.objectContaining({ code: "USAGE" }));
  });
});

describe(logitDivergence, () => {
  test("is the closed form of two coins", () => {
    // p = 3/4, 1/4; q = 1/2, 1/2.
    const p = Float32Array.of(Math.log(3), 0);
    const expected = 0.75 * Math.log(1.5) + 0.25 * Math.log(0.5);
    expect(logitDivergence(p, Float32Array.of(0, 0), 2)).toBeCloseTo(expected, 6);
  });

  test("is rejected for other lengths", () => {
    expect(() => logitDivergence(new Float32Array(6), new Float32Array(4), 2)).toThrow(/expected 6/);
  });
});
