import { withCode } from "@slm/core/testing";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { createLibraryTokenizer } from "./library-tokenizer.js";
import {
  tokenizerConfigJsonSchema,
  tokenizerJsonSchema,
  type TokenizerFiles,
} from "../files/tokenizer-files.js";

const NAMES = ["<pad>", "<s>", "</s>", "<unk>"];

/** A WordPiece tokenizer with a few pieces, as Hugging Face writes it. */
function wordPiece(config: object = {}): TokenizerFiles {
  const pieces = [...NAMES, "deep", "##er", "sea", "##s"];
  return {
    tokenizer: tokenizerJsonSchema.parse({
      version: "1.0",
      added_tokens: NAMES.map((content, id) => ({ id, content, special: true })),
      normalizer: null,
      pre_tokenizer: { type: "Whitespace" },
      post_processor: null,
      decoder: { type: "WordPiece", prefix: "##", cleanup: false },
      model: {
        type: "WordPiece",
        unk_token: "<unk>",
        continuing_subword_prefix: "##",
        max_input_chars_per_word: 20,
        vocab: Object.fromEntries(pieces.map((piece, id) => [piece, id])),
      },
    }),
    config: tokenizerConfigJsonSchema.parse({
      pad_token: "<pad>",
      bos_token: { content: "<s>" },
      eos_token: "</s>",
      unk_token: "<unk>",
      clean_up_tokenization_spaces: false,
      ...config,
    }),
  };
}

describe(createLibraryTokenizer, () => {
  test("runs a subword tokenizer, lower-casing the source where the configuration says so", () => {
    const tokenizer = createLibraryTokenizer(wordPiece({ source: { lowercase: true } }));
    expect(tokenizer.vocabularySize).toBe(8);
    expect(tokenizer.tokens).toEqual({ pad: 0, bos: 1, eos: 2, unknown: 3 });
    expect(tokenizer.encodeSource("Deeper SEAS")).toEqual([4, 5, 6, 7]);
    expect(tokenizer.encodeTarget("deeper seas")).toEqual([4, 5, 6, 7]);
    expect(tokenizer.decode([1, 4, 5, 6, 7, 2, 0])).toBe("deeper seas");
    expect(tokenizer.decode([])).toBe("");
  });

  test("never lower-cases a target, nor a source it was not told to", () => {
    expect(() =>
      createLibraryTokenizer(wordPiece({ source: { lowercase: true } })).encodeTarget("Deep"),
    ).toThrow(SlmError);
    expect(() => createLibraryTokenizer(wordPiece()).encodeSource("Deep")).toThrow(SlmError);
  });

  test("rejects text it has no pieces for, text that is empty and text that spells a special token", () => {
    const tokenizer = createLibraryTokenizer(wordPiece());
    expect(() => tokenizer.encodeSource("deep ñ")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource(" ")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource("sea</s>")).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects ids outside the vocabulary", () => {
    expect(() => createLibraryTokenizer(wordPiece()).decode([4, 8])).toThrow(withCode("DATA_INVALID"));
  });

  test("rejects special tokens that the vocabulary lacks", () => {
    expect(() => createLibraryTokenizer(wordPiece({ eos_token: "<end>" }))).toThrow(withCode("DATA_INVALID"));
  });

  test.each(["100", 0, 201, "\0"])(
    "rejects a word length limit of %j, because long words take forever",
    (longest) => {
      const { tokenizer, config } = wordPiece();
      const model = { ...tokenizer.model, max_input_chars_per_word: longest };
      expect(() => createLibraryTokenizer({ tokenizer: { ...tokenizer, model }, config })).toThrow(
        withCode("DATA_INVALID"),
      );
    },
  );

  test("returns the unknown token if the configuration keeps it", () => {
    const tokenizer = createLibraryTokenizer(wordPiece({ unknown_text: "kept" }));
    expect(tokenizer.encodeSource("deep ñ sea")).toEqual([4, 3, 6]);
    expect(() => tokenizer.encodeSource("sea</s>")).toThrow(withCode("DATA_INVALID"));
  });
});
