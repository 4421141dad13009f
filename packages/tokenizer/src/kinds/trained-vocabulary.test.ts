import { describe, expect, test } from "vitest";
import { trainBpeTokenizer } from "../learn/bpe-files.js";
import { trainSymbolTokenizer } from "../learn/symbol-files.js";
import { trainedVocabulary } from "./trained-vocabulary.js";

const symbols = trainSymbolTokenizer({ sources: ["ab"], targets: ["X Y"], sourceLowercase: true });
const bpe = await trainBpeTokenizer([{ source: "ab ab ab", target: "cc cc" }], {
  vocabularySize: 262,
  minCount: 2,
  spaces: "apart",
  sourceLowercase: false,
});

describe(trainedVocabulary, () => {
  test("reads the characters and symbols of a symbol tokenizer", () => {
    expect(trainedVocabulary(symbols)).toEqual({
      kind: "symbols",
      source: ["a", "b"],
      target: ["X", "Y"],
      sourceLowercase: true,
    });
  });

  test("reads the bytes and merges of a byte-level tokenizer, also from a file", () => {
    const read = trainedVocabulary(JSON.parse(JSON.stringify(bpe)) as typeof bpe);
    if (read?.kind !== "bpe") throw new Error("expected BPE");
    const text = (id: number): string => Buffer.from(read.tokens[id]!).toString();
    expect(read).toMatchObject({ spaces: "apart", sourceLowercase: false });
    expect(read.tokens).toHaveLength(262);
    expect(read.tokens.slice(0, 4).map(({ length }) => length)).toEqual([0, 0, 0, 0]);
    expect(read.merges.map(({ left, right, merged }) => [left, right, merged].map(text))).toEqual([
      ["a", "b", "ab"],
      ["c", "c", "cc"],
    ]);
  });

  test.each([
    ["a normalizer", { tokenizer: { ...bpe.tokenizer, normalizer: { type: "NFC" } } }],
    ["a prompt", { config: { ...bpe.config, source: { lowercase: false, before: "Translate: " } } }],
    [
      "merges that the vocabulary lacks",
      { tokenizer: { ...bpe.tokenizer, model: { ...bpe.tokenizer.model, merges: ["b b"] } } },
    ],
    [
      "a Unigram vocabulary",
      { tokenizer: { ...bpe.tokenizer, model: { type: "Unigram", vocab: [["a", -1] as const] } } },
    ],
  ])("does not know files with %s", (_, change) => {
    expect(trainedVocabulary({ ...bpe, ...change })).toBeUndefined();
  });
});
