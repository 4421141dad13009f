import { withCode } from "@slm/core/testing";
import { describe, expect, test } from "vitest";
import type { TokenizerFiles } from "@slm/tokenizer";
import { rejectOwnTargets, transformersTokenizer } from "./transformers-tokenizer.js";

const TOKENS = ["<s>", "<pad>", "</s>", "<unk>", "a", "eng_Latn", "fra_Latn", "de_DE", "__fr__"];

/** Tokenizer files with a few whole-word tokens and the given `tokenizer_config.json` settings. */
function filesWith(config: Partial<TokenizerFiles["config"]>): TokenizerFiles {
  return {
    tokenizer: {
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: null,
      post_processor: { type: "as it was" },
      decoder: null,
      model: { type: "WordLevel", vocab: Object.fromEntries(TOKENS.map((token, id) => [token, id])) },
    },
    config: {
      pad_token: "<pad>",
      bos_token: "<s>",
      eos_token: "</s>",
      unk_token: "<unk>",
      source: { lowercase: false },
      ...config,
    },
  };
}

const SUFFIX = { lowercase: false, suffix: ["</s>"] };

describe("a tokenizer for transformers.js", () => {
  test("keeps the post-processor of a tokenizer that puts nothing around sources", () => {
    const { tokenizer, tokenizerClass } = transformersTokenizer(filesWith({}));
    expect(tokenizer).toMatchObject({ post_processor: { type: "as it was" }, normalizer: null });
    expect(tokenizerClass).toBe("T5Tokenizer");
  });

  test("lower-cases where slm does", () => {
    const { tokenizer } = transformersTokenizer(filesWith({ source: { lowercase: true } }));
    expect(tokenizer).toMatchObject({ normalizer: { type: "Lowercase" } });
  });

  test("puts prefix and suffix around sources", () => {
    const source = { lowercase: false, prefix: ["<s>"], suffix: ["</s>"] };
    const { tokenizer } = transformersTokenizer(filesWith({ source }));
    expect(tokenizer).toMatchObject({
      post_processor: {
        single: [
          { SpecialToken: { id: "<s>" } },
          { Sequence: { id: "A" } },
          { SpecialToken: { id: "</s>" } },
        ],
        special_tokens: { "<s>": { ids: [0], tokens: ["<s>"] }, "</s>": { ids: [2], tokens: ["</s>"] } },
      },
    });
  });

  test.each([
    { code: "eng_Latn", place: "before", ends: ["eng_Latn", "A", "</s>"], name: "NllbTokenizer" },
    { code: "de_DE", place: "after", ends: ["A", "</s>", "de_DE"], name: "MBart50Tokenizer" },
    { code: "__fr__", place: "before", ends: ["__fr__", "A", "</s>"], name: "M2M100Tokenizer" },
  ] as const)("has class $name where languages are written as $code", ({ code, place, ends, name }) => {
    const languages = { tokens: { [code]: code }, place, begins: "forced_bos", source: code } as const;
    const { tokenizer, tokenizerClass } = transformersTokenizer(filesWith({ source: SUFFIX, languages }));
    expect(tokenizerClass).toBe(name);
    const { post_processor: processor } = tokenizer as { post_processor: { single: object[] } };
    expect(
      processor.single.map((item) => Object.values(item as Record<string, { id: string }>)[0]!.id),
    ).toEqual(ends);
  });

  test("puts the default language of targets before sources, for a model that is told it there", () => {
    const languages = {
      tokens: { fra: "fra_Latn" },
      place: "before",
      begins: "source",
      target: "fra",
    } as const;
    const { tokenizer } = transformersTokenizer(filesWith({ languages }));
    expect(tokenizer).toMatchObject({
      post_processor: { single: [{ SpecialToken: { id: "fra_Latn" } }, { Sequence: { id: "A" } }] },
    });
  });

  test("is rejected where targets have a vocabulary of their own", () => {
    expect(() => {
      rejectOwnTargets(filesWith({ target: { vocab: { a: 0 } } }));
    }).toThrow(withCode("OP_UNSUPPORTED"));
    rejectOwnTargets(filesWith({ target: { prefix: ["<s>"] } }));
  });
});
