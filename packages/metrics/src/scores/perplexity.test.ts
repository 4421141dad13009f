import { SlmError } from "@slm/core";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { perplexity } from "./perplexity.js";

describe(perplexity, () => {
  test("of a uniform choice among v tokens is v, however long the text", () => {
    const choices = fc.integer({ min: 1, max: 1_000_000 });
    fc.assert(
      fc.property(choices, fc.integer({ min: 1, max: 10_000 }), (choice, tokens) => {
        expect(perplexity(tokens * Math.log(choice), tokens) / choice).toBeCloseTo(1, 9);
      }),
    );
  });

  test("of certainty is 1, also when rounding made it a little more than certain", () => {
    expect(perplexity(0, 10)).toBe(1);
    expect(perplexity(-1e-7, 10)).toBe(1);
  });

  test.each([
    [1, 0],
    [1, 1.5],
    [NaN, 1],
    [-3, 2],
  ])("rejects %d nats over %d tokens", (nats, tokens) => {
    expect(() => perplexity(nats, tokens)).toThrow(SlmError);
  });
});
