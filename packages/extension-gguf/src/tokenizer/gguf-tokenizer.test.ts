import { describe, expect, test } from "vitest";
import type { GgufFile } from "../file/gguf-file.js";
import { FIXTURE, running, vocabularyFile, VOCABULARIES } from "../testing/tokenizer-fixture.test-support.js";
import { ggufTokenizer } from "./gguf-tokenizer.js";

describe(ggufTokenizer, () => {
  test("contains special tokens, the chat template, and the tokens around a text", () => {
    const { config, tokenizer } = ggufTokenizer(
      VOCABULARIES.bytes({
        "tokenizer.chat_template": "{{ messages }}",
        add_bos_token: true,
        add_eos_token: true,
      }),
    );
    expect(config).toMatchObject({
      bos_token: "<s>",
      eos_token: "</s>",
      unk_token: "<unk>",
      pad_token: "<pad>",
      add_bos_token: true,
      chat_template: "{{ messages }}",
    });
    expect(tokenizer["post_processor"]).toMatchObject({
      single: [{ SpecialToken: { id: "<s>" } }, { Sequence: { id: "A" } }, { SpecialToken: { id: "</s>" } }],
      special_tokens: { "<s>": { ids: [1] }, "</s>": { ids: [2] } },
    });
  });

  test("names no special token that the file does not name, and adds bos where the format says so", () => {
    const bare = ggufTokenizer(
      VOCABULARIES.bytes({ padding_token_id: undefined, unknown_token_id: undefined }),
    );
    expect(Object.keys(bare.config)).not.toContain("pad_token");
    expect(bare.tokenizer["post_processor"]).toBeNull();
    expect(ggufTokenizer(VOCABULARIES.scored()).config).toMatchObject({ add_bos_token: true });
    expect(ggufTokenizer(VOCABULARIES.bytes({ pre: "llama-bpe" })).config).toMatchObject({
      add_bos_token: true,
    });
  });

  test("a file without a cutter is cut as the format says", () => {
    const { tokenizer } = ggufTokenizer(VOCABULARIES.bytes({ pre: undefined }));
    expect(tokenizer).toEqual(ggufTokenizer(VOCABULARIES.bytes({ pre: "default" })).tokenizer);
  });

  test("ids that a file leaves out are the format's, and -1 is none", () => {
    const nameless = { bos_token_id: undefined, eos_token_id: undefined, unknown_token_id: undefined };
    expect(ggufTokenizer(VOCABULARIES.scored(nameless)).config).toMatchObject({
      bos_token: "<s>",
      eos_token: "</s>",
      unk_token: "<unk>",
    });
    for (const none of [-1, 0xffff_ffff]) {
      const { config } = ggufTokenizer(VOCABULARIES.bytes({ padding_token_id: none }));
      expect(Object.keys(config)).not.toContain("pad_token");
    }
  });

  test("of a merge that occurs twice the first place counts", () => {
    const { merges } = FIXTURE.bytes;
    const twice = VOCABULARIES.bytes({ merges: [...merges, ...merges.slice(0, 3)] });
    expect(ggufTokenizer(twice).tokenizer).toEqual(ggufTokenizer(VOCABULARIES.bytes()).tokenizer);
  });

  test("a token without text gets one", () => {
    const tokens = FIXTURE.bytes.tokens.with(3, "");
    expect(ggufTokenizer(VOCABULARIES.bytes({ tokens })).config["pad_token"]).toBe("[EMPTY_3]");
  });

  test("a vocabulary without an unknown token encodes missing characters as bytes", () => {
    const token_type = Int32Array.from(FIXTURE.scored.types).fill(3, 0, 1);
    const source = VOCABULARIES.scored({ token_type, unknown_token_id: -1 });
    expect(ggufTokenizer(source).tokenizer.model["unk_token"]).toBeNull();
    const tokenizer = running(source);
    expect(tokenizer.encodeTarget("☃").slice(1)).toEqual([0xe2, 0x98, 0x83].map((byte) => byte + 3));
    expect(tokenizer.decode(tokenizer.encodeTarget("☃"))).toBe("☃");
  });

  test("WordPiece adds its special tokens around every text and keeps unknown words", () => {
    const { config, tokenizer } = ggufTokenizer(VOCABULARIES.wordPiece());
    expect(config).toMatchObject({ bos_token: "[CLS]", eos_token: "[SEP]", unknown_text: "kept" });
    expect(tokenizer["post_processor"]).toMatchObject({
      single: [
        { SpecialToken: { id: "[CLS]" } },
        { Sequence: { id: "A" } },
        { SpecialToken: { id: "[SEP]" } },
      ],
    });
    const bert = running(VOCABULARIES.wordPiece());
    expect(bert.encodeTarget("the 😀")).toContain(bert.tokens.unknown);
    expect(bert.decode(bert.encodeTarget("The function, it's late."))).toBe("the function, it's late.");
  });

  test.each<[string, GgufFile, RegExp]>([
    ["RWKV", VOCABULARIES.bytes({ model: "rwkv" }), /RWKV matches the longest byte sequence/],
    ["PLaMo 2", VOCABULARIES.bytes({ model: "plamo2" }), /PLaMo 2/],
    ["no vocabulary", VOCABULARIES.bytes({ model: "no_vocab" }), /does not contain a tokenizer/],
    [
      "WordPiece without an unknown token",
      VOCABULARIES.wordPiece({ unknown_token_id: -1 }),
      /WordPiece without an unknown token/,
    ],
    [
      "neither bytes nor an unknown token",
      VOCABULARIES.scored({
        token_type: Int32Array.from(FIXTURE.scored.types).fill(1),
        unknown_token_id: -1,
      }),
      /neither an unknown token nor byte tokens/,
    ],
  ])("names features that tokenizer.json cannot express: %s", (_, source, message) => {
    expect(() => ggufTokenizer(source)).toThrow(
      expect.objectContaining({ code: "OP_UNSUPPORTED", message: expect.stringMatching(message) as string }),
    );
  });

  test.each<[string, GgufFile, RegExp]>([
    ["no tokenizer", vocabularyFile({}), /tokenizer.ggml.model is missing, expected gpt2, gemma4, /],
    ["another kind", VOCABULARIES.bytes({ model: "gpt5" }), /tokenizer.ggml.model is 'gpt5'/],
    [
      "an unknown cutter",
      VOCABULARIES.bytes({ pre: "gpt-9" }),
      /tokenizer.ggml.pre is 'gpt-9', expected a.x-4.0, /,
    ],
    ["a cutter that is no text", VOCABULARIES.bytes({ pre: 3 }), /tokenizer.ggml.pre is '3'/],
    ["no tokens", VOCABULARIES.bytes({ tokens: undefined }), /tokenizer.ggml.tokens is not a list of texts/],
    [
      "a token twice",
      VOCABULARIES.bytes({ tokens: FIXTURE.bytes.tokens.with(9, "<s>") }),
      /tokens 1 and 9 are both '<s>'/,
    ],
    [
      "too few types",
      VOCABULARIES.bytes({ token_type: Int32Array.of(1) }),
      /token_type does not contain a number/,
    ],
    [
      "an unknown type",
      VOCABULARIES.bytes({ token_type: Int32Array.from(FIXTURE.bytes.types).fill(7, 5, 6) }),
      /token 5 has type 7/,
    ],
    [
      "an id beyond the tokens",
      VOCABULARIES.bytes({ eos_token_id: 99_999 }),
      /eos_token_id is 99999, expected an id below/,
    ],
    ["a merge of nothing", VOCABULARIES.bytes({ merges: ["a"] }), /merge 0 'a' does not join two tokens/],
    ["a merge of three", VOCABULARIES.bytes({ merges: ["a b c"] }), /merge 0 'a b c'/],
    ["a merge into no token", VOCABULARIES.bytes({ merges: ["q Z"] }), /merge 0 'q Z'/],
    [
      "a bos that is asked for and missing",
      VOCABULARIES.bytes({ bos_token_id: undefined, add_bos_token: true }),
      /need a bos_token/,
    ],
    ["a flag that is none", VOCABULARIES.bytes({ add_bos_token: 1 }), /add_bos_token is not true or false/],
    [
      "a template that is no text",
      VOCABULARIES.bytes({ "tokenizer.chat_template": 1 }),
      /chat_template is not a text/,
    ],
    ["no scores", VOCABULARIES.scored({ scores: undefined }), /scores does not contain a number for each/],
    [
      "a score that is none",
      VOCABULARIES.scored({ scores: Float32Array.from(FIXTURE.scored.scores).fill(NaN, 4, 5) }),
      /score of token 4 is NaN/,
    ],
    [
      "a byte that is missing",
      VOCABULARIES.scored({ token_type: Int32Array.from(FIXTURE.scored.types).fill(1, 20, 21) }),
      /byte token <0x11> is missing/,
    ],
  ])("rejects %s", (_, source, message) => {
    expect(() => ggufTokenizer(source)).toThrow(
      expect.objectContaining({ code: "DATA_INVALID", message: expect.stringMatching(message) as string }),
    );
  });
});
