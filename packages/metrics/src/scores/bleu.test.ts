import { describe, expect, test } from "vitest";
import { bleu, bleuTokens } from "./bleu.js";
import { chrf, chrfPlusPlus, chrfWords } from "./chrf.js";

describe(bleuTokens, () => {
  test.each([
    ["It's 1,000.5 km.", ["It's", "1,000.5", "km", "."]],
    ["a-b 10-year", ["a-b", "10", "-", "year"]],
    ["&lt;b&gt; &amp;amp;", ["<", "b", ">", "&", "amp", ";"]],
    ["well-\nknown\nplan", ["wellknown", "plan"]],
    ["ends with a hyphen-\n", ["ends", "with", "a", "hyphen-"]],
    ["", []],
  ])("of %j are %j", (text, tokens) => {
    expect(bleuTokens(text)).toEqual(tokens);
  });
});

describe("bleu", () => {
  test("clips counts by the reference that has most of a sequence (Papineni et al. 2002, example 2)", () => {
    const prediction = "the the the the the the the";
    const references = ["the cat is on the mat", "there is a cat on the mat"];
    // 2 of 7 words; pairs, triples and quadruples match 0 of 6, 5 and 4, smoothed to 1/2, 1/4 and 1/8.
    const product = (2 / 7) * (1 / 2 / 6) * (1 / 4 / 5) * (1 / 8 / 4);
    expect(bleu.compute([prediction], [references])).toBeCloseTo(100 * product ** (1 / 4), 9);
  });

  test("penalizes only predictions shorter than the reference closest in length", () => {
    const words = "a b c d e f g h";
    expect(bleu.compute(["a b c d"], [[words]])).toBeCloseTo(100 * Math.exp(1 - 8 / 4), 9);
    expect(bleu.compute(["a b c d"], [[words, "a b c d x"]])).toBeCloseTo(100 * Math.exp(1 - 5 / 4), 9);
    expect(bleu.compute(["a b c d"], [[words, "a b c d x", "a b c"]])).toBeCloseTo(100, 9);
  });

  test("of one short row leaves out the orders it is too short for, of a corpus it does not", () => {
    expect(bleu.rowScore("yes", ["yes"])).toBe(100);
    expect(bleu.compute(["yes"], [["yes"]])).toBe(0);
  });
});

describe("chrf", () => {
  test("weighs recall more than precision", () => {
    const [half, twice] = [chrf.rowScore("abc", ["abcabc"]), chrf.rowScore("abcabc", ["abc"])];
    expect(half).toBeLessThan(twice);
  });

  test("does not see whitespace, but with words does", () => {
    expect(chrf.rowScore("ab cd", ["abcd"])).toBe(100);
    expect(chrfPlusPlus.rowScore("ab cd", ["abcd"])).toBeLessThan(100);
  });

  test("removes one punctuation character from a word", () => {
    expect(chrfWords("(so) it's. - «ok»")).toEqual(["(so", ")", "it's", ".", "-", "«ok»"]);
  });
});
