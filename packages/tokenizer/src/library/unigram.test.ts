import { withCode } from "@slm/core/testing";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createUnigram } from "./unigram.js";

const model = (
  vocab: readonly (readonly [string, number])[],
  more: object = {},
): Parameters<typeof createUnigram>[0] => ({
  type: "Unigram",
  unk_id: 0,
  vocab,
  ...more,
});

const VOCAB = [
  ["<unk>", 0],
  ["a", -1],
  ["b", -1.5],
  ["ab", -2],
  ["▁", -1],
] as const;

describe(createUnigram, () => {
  test("a token that spells the unknown one is unknown, as in the native library", () => {
    expect(createUnigram(model(VOCAB)).encode("x<unk>a")).toEqual(["x<unk>", "a"]);
  });

  test.each([
    ["an unknown id outside of the vocabulary", { unk_id: 9 }, "unk_id 9"],
    ["an unknown id that is no number", { unk_id: "0" }, 'unk_id "0"'],
    ["a token that is too long", { vocab: [["a".repeat(600), 0]] }, "600 characters"],
    ["an empty vocabulary", { vocab: [] }, "list of [token, score]"],
    ["a vocabulary without scores", { vocab: { a: 1 } }, "list of [token, score]"],
  ])("rejects %s", (_, more, message) => {
    expect(() => createUnigram(model(VOCAB, more))).toThrow(message);
  });

  test("without an unknown token, unknown text is rejected", () => {
    const { encode } = createUnigram(model(VOCAB, { unk_id: null }));
    expect(encode("ab")).toEqual(["ab"]);
    expect(() => encode("ax")).toThrow(withCode("DATA_INVALID"));
  });

  test("the tokens of a text join to the text again", () => {
    const { encode } = createUnigram(model(VOCAB));
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 20 }), (text) => {
        expect(encode(`▁${text}ab`).join("")).toBe(`▁${text}ab`);
      }),
      { numRuns: 200, seed: 13 },
    );
  });
});
