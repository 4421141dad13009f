import { withCode } from "@slm/core/testing";
import { readFileSync } from "node:fs";
import { SlmError } from "@slm/core";
import { describe, expect, test } from "vitest";
import { createLibrary } from "../library/library.js";
import { linearPattern } from "../patterns/pattern.js";
import {
  tokenizerConfigJsonSchema,
  tokenizerJsonSchema,
  type TokenizerJson,
} from "../files/tokenizer-files.js";
import type { Component, CompilePattern } from "./component.js";
import { compileNormalizer } from "./normalizers.js";
import { compilePreTokenizer } from "./pre-tokenizers.js";

interface Case<Result> {
  readonly component: Component;
  readonly results: readonly Result[];
}

/** Written by packages/tokenizer/fixtures/tokenizer_components.py with tokenizers 0.23.3. */
const native = JSON.parse(
  readFileSync(new URL("../../fixtures/native-components.json", import.meta.url), "utf8"),
) as {
  readonly texts: readonly string[];
  readonly normalizers: readonly Case<string>[];
  readonly preTokenizers: readonly Case<readonly string[]>[];
};

/** The patterns of these tests mean the same in JavaScript. */
const compile: CompilePattern = (pattern) =>
  linearPattern({
    source: pattern
      .replaceAll("(?i:IT)", "[Ii][Tt]")
      .replaceAll(
        /\(\?i:(['|a-z]+)\)/gu,
        (_, words: string) => `(?:${words.replaceAll(/[a-z]/gu, caseless)})`,
      )
      .replaceAll(String.raw`[^\s`, String.raw`[^\p{White_Space}`)
      .replaceAll(String.raw`\s`, String.raw`\p{White_Space}`)
      .replaceAll(String.raw`\S`, String.raw`\P{White_Space}`),
  });
const caseless = (letter: string): string => `[${letter}${letter.toUpperCase()}]`;

describe(compileNormalizer, () => {
  test.each(native.normalizers.map((one) => [JSON.stringify(one.component), one] as const))(
    "makes of texts what the native library makes of them: %s",
    (_, { component, results }) => {
      expect(native.texts.map(compileNormalizer(component, compile))).toEqual(results);
    },
  );

  test("names a type that it does not know", () => {
    expect(() => compileNormalizer({ type: "Rot13" }, compile)).toThrow(withCode("DATA_INVALID"));
    expect(() => compileNormalizer({ type: "Sequence", normalizers: 1 }, compile)).toThrow(SlmError);
    expect(() => compileNormalizer({ type: "Lowercase", on: 1 }, compile)).not.toThrow();
    expect(() => compileNormalizer({ type: "Strip", strip_left: "yes" }, compile)).toThrow(
      withCode("DATA_INVALID"),
    );
  });
});

describe(compilePreTokenizer, () => {
  test.each(native.preTokenizers.map((one) => [JSON.stringify(one.component), one] as const))(
    "cuts texts where the native library cuts them: %s",
    (_, { component, results }) => {
      const cut = compilePreTokenizer(component, compile);
      const pieces = native.texts.map((text) =>
        cut({ text, isFirst: true })
          .map((piece) => piece.text)
          .filter((piece) => piece !== ""),
      );
      expect(pieces).toEqual(results);
    },
  );

  test("names a type, a behavior or a scheme that it does not know", () => {
    expect(() => compilePreTokenizer({ type: "UnicodeScripts" }, compile)).toThrow(withCode("DATA_INVALID"));
    expect(() => compilePreTokenizer({ type: "Punctuation", behavior: "kept" }, compile)).toThrow(
      withCode("DATA_INVALID"),
    );
    expect(() => compilePreTokenizer({ type: "Metaspace", prepend_scheme: "last" }, compile)).toThrow(
      withCode("DATA_INVALID"),
    );
    expect(() => compilePreTokenizer({ type: "Split", behavior: "Removed" }, compile)).toThrow(
      withCode("DATA_INVALID"),
    );
  });
});

describe(createLibrary, () => {
  const config = tokenizerConfigJsonSchema.parse({
    pad_token: "<unk>",
    bos_token: "<unk>",
    eos_token: "<unk>",
    unk_token: "<unk>",
  });
  const file = (parts: object, vocab: readonly string[]): TokenizerJson =>
    tokenizerJsonSchema.parse({
      added_tokens: [{ id: 0, content: "<unk>", special: true }],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      decoder: null,
      model: {
        type: "BPE",
        unk_token: "<unk>",
        vocab: Object.fromEntries(["<unk>", ...vocab].map((piece, id) => [piece, id])),
        merges: [],
      },
      ...parts,
    });

  test("leaves spaces before signs in decoded text unless the configuration says otherwise", () => {
    const parts = { decoder: { type: "Fuse" } };
    const spaced = createLibrary(file(parts, [" ", "?", "a"]), config);
    const ids = spaced.encode("a ?", { add_special_tokens: false }).ids;
    expect(spaced.decode(ids, { skip_special_tokens: true })).toBe("a ?");
    const cleaned = createLibrary(file(parts, [" ", "?", "a"]), {
      ...config,
      clean_up_tokenization_spaces: true,
    });
    expect(cleaned.decode(ids, { skip_special_tokens: true })).toBe("a?");
  });

  test("encodes characters that a Unigram vocabulary lacks as bytes if the file says so", () => {
    const vocab = ["<unk>", "a", "<0xC3>", "<0xA9>"].map((piece) => [piece, -1]);
    const model = { type: "Unigram", unk_id: 0, vocab };
    const encode = (more: object): readonly number[] =>
      createLibrary(file({ model: { ...model, ...more } }, []), config).encode("aéaü", {
        add_special_tokens: false,
      }).ids;
    expect(encode({ byte_fallback: true })).toEqual([1, 2, 3, 1, 0]);
    expect(encode({ byte_fallback: false })).toEqual([1, 0, 1, 0]);
  });

  test("makes text of byte tokens as the native library does: with a byte order mark, and a sign for each stray byte", () => {
    const vocab = ["<unk>", "a", "<0xEF>", "<0xBB>", "<0xBF>"].map((piece) => [piece, -1]);
    const model = { type: "Unigram", unk_id: 0, vocab, byte_fallback: true };
    const decoder = { type: "Sequence", decoders: [{ type: "ByteFallback" }, { type: "Fuse" }] };
    const library = createLibrary(file({ model, decoder }, []), config);
    const decode = (...ids: readonly number[]): string => library.decode(ids, { skip_special_tokens: true });
    expect(decode(2, 3, 4, 1)).toBe("\ufeffa");
    expect(decode(2, 3, 1)).toBe("\ufffd\ufffda");
  });

  test("names a setting of BPE that nothing here computes", () => {
    const model = { type: "BPE", vocab: { a: 0 }, merges: [], continuing_subword_prefix: "##" };
    expect(() => createLibrary(file({ model }, []), config)).toThrow(withCode("DATA_INVALID"));
  });
});
