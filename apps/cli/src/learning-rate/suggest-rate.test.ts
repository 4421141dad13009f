import { describe, expect, test } from "vitest";
import { suggestRate, type RatePoint } from "./suggest-rate.js";

const curve = (...losses: readonly number[]): readonly RatePoint[] =>
  losses.map((loss, index) => ({ learningRate: 10 ** (index / 2 - 5), loss }));

describe(suggestRate, () => {
  test("is a third of the rate with the lowest loss, in one digit, and says where the loss rises", () => {
    const found = suggestRate(curve(4, 4, 3.9, 3, 2, 1.5, 1.6, 4, 50));
    expect(found.lowestAt).toBeCloseTo(10 ** -2.5, 9);
    expect(found).toMatchObject({ learningRate: 0.001, divergesAt: 10 ** -1.5 });
  });

  test("is not led astray by a single low point", () => {
    expect(suggestRate(curve(4, 0.5, 4, 3, 2, 1.5, 1.5, 1.6, 9)).lowestAt).toBeCloseTo(0.01, 9);
  });

  test("knows no divergence where there was none", () => {
    expect(suggestRate(curve(4, 3, 2, 1))).toMatchObject({ divergesAt: null });
  });

  test.each([[curve(1, 2, 3, 4)], [curve()]])("suggests nothing where the loss only rises: %j", (points) => {
    expect(() => suggestRate(points)).toThrow(expect.objectContaining({ code: "DATA_INVALID" }));
  });
});
