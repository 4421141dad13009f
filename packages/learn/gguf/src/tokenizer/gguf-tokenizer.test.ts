import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadTokenizer, type Tokenizer } from "@slm/tokenizer";
import { describe, expect, onTestFinished, test } from "vitest";
import type { GgufFile } from "../file/gguf-file.js";
import type { MetadataValue } from "../file/metadata.js";
import { ggufTokenizer } from "./gguf-tokenizer.js";
import { PRE_TOKENIZERS } from "./pre-tokenizers.js";

/** What llama.cpp gave, by tools/peers/llama-cpp/tokenizers.mjs. */
interface Fixture {
  readonly texts: readonly string[];
  readonly gpt2: {
    readonly tokens: readonly string[];
    readonly types: readonly number[];
    readonly merges: readonly string[];
    readonly ids: Readonly<Record<string, readonly (readonly number[])[]>>;
  };
  readonly llama: {
    readonly tokens: readonly string[];
    readonly types: readonly number[];
    readonly scores: readonly number[];
    readonly ids: Readonly<Record<"true" | "false", readonly (readonly number[])[]>>;
  };
}

const { texts, gpt2, llama } = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizers.json", import.meta.url), "utf8"),
) as Fixture;

const file = (metadata: Readonly<Record<string, MetadataValue | undefined>>): GgufFile => ({
  file: "model.gguf",
  version: 3,
  metadata: new Map(
    Object.entries(metadata).flatMap(([key, value]) =>
      value === undefined
        ? []
        : [[`tokenizer.${key === "chat_template" ? key : `ggml.${key}`}`, value] as const],
    ),
  ),
  tensors: [],
});

const ids = { bos_token_id: 1, eos_token_id: 2, unknown_token_id: 0 };

const byteLevel = (over: Readonly<Record<string, MetadataValue | undefined>> = {}): GgufFile =>
  file({
    model: "gpt2",
    pre: "gpt-2",
    tokens: gpt2.tokens,
    token_type: Int32Array.from(gpt2.types),
    merges: gpt2.merges,
    ...ids,
    padding_token_id: 3,
    ...over,
  });

const pieces = (over: Readonly<Record<string, MetadataValue | undefined>> = {}): GgufFile =>
  file({
    model: "llama",
    tokens: llama.tokens,
    token_type: Int32Array.from(llama.types),
    scores: Float32Array.from(llama.scores),
    ...ids,
    padding_token_id: 2,
    ...over,
  });

/** The tokenizer that runs the files, written and read back. */
async function running(source: GgufFile): Promise<Tokenizer> {
  const directory = await mkdtemp(join(tmpdir(), "slm-gguf-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const { tokenizer, config } = ggufTokenizer(source);
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(config));
  return loadTokenizer(directory);
}

describe("ids are llama.cpp's", () => {
  test("the fixture has twenty texts, and ids under every name of the table", () => {
    expect(texts).toHaveLength(20);
    expect(Object.keys(gpt2.ids).sort()).toEqual(Object.keys(PRE_TOKENIZERS).sort());
  });

  test.each(Object.keys(PRE_TOKENIZERS))("byte-level merges, pre-tokenizer %s", async (pre) => {
    const tokenizer = await running(byteLevel({ pre }));
    for (const [index, text] of texts.entries()) {
      expect(tokenizer.encodeTarget(text), text).toEqual(gpt2.ids[pre]![index]);
      expect(tokenizer.decode(gpt2.ids[pre]![index]!)).toBe(text);
    }
  });

  test.each(["true", "false"] as const)(
    "pieces with scores and byte fallback, space prefix %s",
    async (prefix) => {
      const tokenizer = await running(pieces({ add_space_prefix: prefix === "true" }));
      for (const [index, text] of texts.entries()) {
        expect(tokenizer.encodeTarget(text), text).toEqual(llama.ids[prefix][index]);
        expect(tokenizer.decode(llama.ids[prefix][index]!)).toBe(text);
      }
    },
  );
});

describe(ggufTokenizer, () => {
  test("carries special tokens, the chat template, and what is put around a text", () => {
    const { config, tokenizer } = ggufTokenizer(
      byteLevel({ chat_template: "{{ messages }}", add_bos_token: true, add_eos_token: true }),
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
    const bare = ggufTokenizer(byteLevel({ padding_token_id: undefined, unknown_token_id: undefined }));
    expect(Object.keys(bare.config)).not.toContain("pad_token");
    expect(bare.tokenizer["post_processor"]).toBeNull();
    expect(ggufTokenizer(pieces()).config).toMatchObject({ add_bos_token: true });
    expect(ggufTokenizer(byteLevel({ pre: "llama-bpe" })).config).toMatchObject({ add_bos_token: true });
  });

  test("keeps tokens that a model's maker added apart from those that control it", () => {
    const token_type = Int32Array.from(gpt2.types).fill(4, 300, 301);
    const { tokenizer } = ggufTokenizer(byteLevel({ token_type }));
    const added = tokenizer["added_tokens"] as { readonly id: number; readonly special: boolean }[];
    expect(added.map(({ id, special }) => [id, special])).toEqual([
      [0, true],
      [1, true],
      [2, true],
      [3, true],
      [300, false],
    ]);
  });

  test.each<[string, GgufFile, RegExp]>([
    ["no tokenizer", file({}), /tokenizer.ggml.model is missing, expected gpt2 or llama/],
    ["another kind", byteLevel({ model: "bert" }), /tokenizer.ggml.model is 'bert'/],
    [
      "an unknown cutter",
      byteLevel({ pre: "poro-chat" }),
      /tokenizer.ggml.pre is 'poro-chat', expected gpt-2, /,
    ],
    ["no cutter", byteLevel({ pre: undefined }), /tokenizer.ggml.pre is missing/],
    ["no tokens", byteLevel({ tokens: undefined }), /tokenizer.ggml.tokens is not a list of texts/],
    ["a token twice", byteLevel({ tokens: gpt2.tokens.with(9, "<s>") }), /tokens 1 and 9 are both '<s>'/],
    ["an empty token", byteLevel({ tokens: gpt2.tokens.with(9, "") }), /token 9 is empty/],
    ["too few types", byteLevel({ token_type: Int32Array.of(1) }), /token_type does not hold a number/],
    [
      "an unknown type",
      byteLevel({ token_type: Int32Array.from(gpt2.types).fill(7, 5, 6) }),
      /token 5 has type 7/,
    ],
    [
      "an id beyond the tokens",
      byteLevel({ eos_token_id: 99_999 }),
      /eos_token_id is 99999, expected an id below/,
    ],
    ["a merge of nothing", byteLevel({ merges: ["a"] }), /merge 0 'a' is not of two tokens/],
    ["a merge of three", byteLevel({ merges: ["a b c"] }), /merge 0 'a b c'/],
    ["a merge into no token", byteLevel({ merges: ["q Z"] }), /merge 0 'q Z'/],
    [
      "a bos that is asked for and missing",
      byteLevel({ bos_token_id: undefined, add_bos_token: true }),
      /get a bos_token/,
    ],
    ["a flag that is none", byteLevel({ add_bos_token: 1 }), /add_bos_token is not true or false/],
    ["a template that is no text", byteLevel({ chat_template: 1 }), /chat_template is not a text/],
    ["no scores", pieces({ scores: undefined }), /scores does not hold a number for each/],
    [
      "a score that is none",
      pieces({ scores: Float32Array.from(llama.scores).fill(NaN, 4, 5) }),
      /score of token 4 is NaN/,
    ],
    [
      "no unknown token",
      pieces({ token_type: Int32Array.from(llama.types).fill(3, 0, 1) }),
      /no token has type 2/,
    ],
    [
      "a byte that is missing",
      pieces({ token_type: Int32Array.from(llama.types).fill(1, 20, 21) }),
      /byte token <0x11> is missing/,
    ],
  ])("refuses %s", (_, source, message) => {
    expect(() => ggufTokenizer(source)).toThrow(
      expect.objectContaining({ code: "DATA_INVALID", message: expect.stringMatching(message) as string }),
    );
  });
});
