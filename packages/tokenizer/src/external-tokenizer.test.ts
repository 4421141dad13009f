import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { completeTokenizer, fillVocabulary } from "./external-tokenizer.js";
import { createLibraryTokenizer } from "./library/library-tokenizer.js";
import { withPrompt } from "./prompt.js";
import { trainSymbolTokenizer } from "./learn/symbol-files.js";
import { tokenizerJsonSchema, type TokenizerJson } from "./files/tokenizer-files.js";

const MARKS = ["<s>", "</s>", "<|user|>"];
const CHARACTERS = [...Array.from("abcdefghij:"), "Ġ", "Ċ", "ĠĊ"];

/** A byte-level tokenizer for ten letters. @param processor adds special tokens around texts. */
function byteLevel(processor: object | null = null): TokenizerJson {
  return tokenizerJsonSchema.parse({
    added_tokens: MARKS.map((content, id) => ({ id, content, special: true })),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, use_regex: false },
    post_processor: processor,
    decoder: { type: "ByteLevel" },
    model: {
      type: "BPE",
      vocab: Object.fromEntries([...MARKS, ...CHARACTERS].map((token, id) => [token, id])),
      merges: ["Ġ Ċ"],
    },
  });
}

const BEGINS = {
  type: "TemplateProcessing",
  single: [{ SpecialToken: { id: "<s>", type_id: 0 } }, { Sequence: { id: "A", type_id: 0 } }],
  pair: [{ Sequence: { id: "A", type_id: 0 } }, { Sequence: { id: "B", type_id: 1 } }],
  special_tokens: { "<s>": { id: "<s>", ids: [0], tokens: ["<s>"] } },
};

const idsOf = (...tokens: readonly string[]): number[] =>
  tokens.map((token) => [...MARKS, ...CHARACTERS].indexOf(token));

describe(completeTokenizer, () => {
  test("missing special tokens that texts never contain default to the EOS token", () => {
    const { config } = completeTokenizer(byteLevel(), { eos_token: "</s>", bos_token: null }, {}, "model");
    expect(config).toMatchObject({
      pad_token: "</s>",
      bos_token: "</s>",
      eos_token: "</s>",
      unk_token: "</s>",
    });
    expect(config.source).toEqual({ lowercase: false, before: "", after: "\n" });
  });

  test("adds no line break after sources if a line break has no tokens", () => {
    const words = { ...byteLevel(), pre_tokenizer: { type: "WhitespaceSplit" } };
    const { config } = completeTokenizer(words, { eos_token: "</s>", bos_token: "<s>" }, {}, "model");
    expect(config.source).toEqual({ lowercase: false, before: "" });
    const tokenizer = createLibraryTokenizer({ tokenizer: words, config });
    expect(tokenizer.encodeSource("ab c")).toEqual(idsOf("a", "b", "c"));
    expect(tokenizer.tokens.bos).toBe(0);
  });

  test("uses the EOS token of the model's configuration if the tokenizer names none", () => {
    expect(completeTokenizer(byteLevel(), {}, { eos: 1 }, "model").config.eos_token).toBe("</s>");
    expect(() => completeTokenizer(byteLevel(), {}, {}, "model")).toThrow(withCode("DATA_INVALID"));
  });

  test("begins sources with the BOS token where the tokenizer does so itself", () => {
    const marks = { eos_token: "</s>", bos_token: "<s>" };
    const before = (tokenizer: TokenizerJson): string | undefined =>
      completeTokenizer(tokenizer, marks, {}, "model").config.source.before;
    expect(before(byteLevel(BEGINS))).toBe("<s>");
    expect(before(byteLevel())).toBe("");
  });
});

describe(withPrompt, () => {
  const files = completeTokenizer(byteLevel(BEGINS), { eos_token: "</s>", bos_token: "<s>" }, {}, "model");

  test("puts text around a source; the last token of it begins the target", () => {
    const tokenizer = createLibraryTokenizer(withPrompt(files, { before: "<|user|>a:", after: ":\n" }));
    expect(tokenizer.encodeSource("b c")).toEqual(idsOf("<s>", "<|user|>", "a", ":", "b", "Ġ", "c", ":"));
    expect(tokenizer.tokens.bos).toBe(idsOf("Ċ")[0]);
    expect(tokenizer.encodeTarget("b")).toEqual(idsOf("b"));
  });

  test("keeps the first token of targets separate even if the source could merge with it", () => {
    const tokenizer = createLibraryTokenizer(withPrompt(files, { before: "", after: "\n" }));
    expect(tokenizer.encodeSource("b ")).toEqual(idsOf("<s>", "b", "Ġ"));
  });

  test("ends targets with a token of text, if asked to", () => {
    const tokenizer = createLibraryTokenizer(withPrompt(files, { before: "", after: ":", end: "\nb" }));
    expect(tokenizer.tokens.eos).toBe(idsOf("Ċ")[0]);
  });

  test("still rejects special tokens in the source itself", () => {
    const tokenizer = createLibraryTokenizer(withPrompt(files, { before: "<|user|>", after: ":" }));
    expect(() => tokenizer.encodeSource("a<|user|>")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource("")).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects a tokenizer of symbols", () => {
    const symbols = trainSymbolTokenizer({ sources: ["ab"], targets: ["A B"], sourceLowercase: true });
    expect(() => withPrompt(symbols, { before: "x", after: "y" })).toThrow(SlmError);
  });
});

describe(fillVocabulary, () => {
  const files = completeTokenizer(byteLevel(), { eos_token: "</s>" }, {}, "model");
  const own = MARKS.length + CHARACTERS.length;

  test("uses ids that only the model has for tokens without text", () => {
    const tokenizer = createLibraryTokenizer(fillVocabulary(files, own + 3, "model"));
    expect(tokenizer.vocabularySize).toBe(own + 3);
    expect(tokenizer.decode([...idsOf("a"), own + 2, ...idsOf("b")])).toBe("ab");
  });

  test("rejects a model with fewer ids than the tokenizer", () => {
    expect(() => fillVocabulary(files, own - 1, "model")).toThrow(withCode("SHAPE_MISMATCH"));
  });
});
