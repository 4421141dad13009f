import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createTokenizer, type EncoderDecoderTokens, type TokenizerFiles } from "@slm/tokenizer";
import { describe, expect, test } from "vitest";
import { readGguf, type GgufFile } from "../file/gguf-file.js";
import type { MetadataValue } from "../file/metadata.js";
import { VOCABULARIES } from "../testing/tokenizer-fixture.test-support.js";
import { ggufPieceTokenizer } from "./encoder-decoder-tokenizer.js";

const TOKENS: EncoderDecoderTokens = { modelType: "t5", decoderStart: 0, eos: 1, pad: 0 };

/** Files of llama.cpp's converter and T5Tokenizer's ids, from packages/extension-gguf/fixtures/tiny-gguf-t5.py. */
const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../fixtures/t5/${name}`, import.meta.url));

/** A file with changed values under `tokenizer.ggml`. */
async function changed(name: string, over: Readonly<Record<string, MetadataValue>>): Promise<GgufFile> {
  const source = await readGguf(fixture(`${name}/model.gguf`));
  const values = Object.entries(over).map(([key, value]) => [`tokenizer.ggml.${key}`, value] as const);
  return { ...source, metadata: new Map([...source.metadata, ...values]) };
}

/** The same files, after they were written and read again. */
const reread = (files: TokenizerFiles): TokenizerFiles => JSON.parse(JSON.stringify(files)) as TokenizerFiles;

describe(ggufPieceTokenizer, () => {
  // Only the directory of flan-t5 named its sentinels to the converter.
  test.each(["t5", "flan-t5", "umt5"])("has the ids of the published class: %s", async (name) => {
    const rows = JSON.parse(readFileSync(fixture(`${name}/tokens.json`), "utf8")) as readonly {
      readonly text: string;
      readonly ids: readonly number[];
    }[];
    const source = await readGguf(fixture(`${name}/model.gguf`));
    const tokenizer = createTokenizer(reread(ggufPieceTokenizer(source, TOKENS)));
    expect(rows.length).toBeGreaterThan(4);
    for (const { text, ids } of rows) expect(tokenizer.encodeSource(text), text).toEqual(ids);
    expect(tokenizer.tokens).toMatchObject({ pad: 0, bos: 0, eos: 1, unknown: 2 });
    expect(tokenizer.decode(rows[0]!.ids)).toBe(rows[0]!.text);
  });

  test("sentinels have names only where there is room for all of them", async () => {
    const named = async (unused: number): Promise<number> => {
      const source = await changed("t5", {});
      const cut = (key: string): MetadataValue => {
        const values = source.metadata.get(`tokenizer.ggml.${key}`) as string[] | Float32Array | Int32Array;
        return values.slice(0, 60 + unused);
      };
      const keys = ["tokens", "scores", "token_type"];
      const file = await changed("t5", Object.fromEntries(keys.map((key) => [key, cut(key)])));
      const { tokenizer } = ggufPieceTokenizer(file, TOKENS);
      return tokenizer.added_tokens.filter(({ content }) => content.startsWith("<extra_id_")).length;
    };
    expect(await named(99)).toBe(0);
    expect(await named(100)).toBe(100);
  });

  test("texts end with EOS unless the file says otherwise", async () => {
    const encode = async (over: Readonly<Record<string, MetadataValue>>): Promise<readonly number[]> =>
      createTokenizer(ggufPieceTokenizer(await changed("t5", over), TOKENS)).encodeSource("the cat");
    expect(await encode({ add_eos_token: false })).toEqual((await encode({})).slice(0, -1));
  });

  test("spaces are kept and no prefix is added where the file says so", async () => {
    const file = await changed("t5", { add_space_prefix: false, remove_extra_whitespaces: false });
    const tokenizer = createTokenizer(ggufPieceTokenizer(file, TOKENS));
    const plain = createTokenizer(ggufPieceTokenizer(await changed("t5", {}), TOKENS));
    expect(tokenizer.encodeSource(" the cat")).toEqual(plain.encodeSource("the cat"));
    expect(tokenizer.encodeSource("the  cat")).not.toEqual(plain.encodeSource("the  cat"));
  });

  test.each<[string, GgufFile, RegExp]>([
    ["another kind", VOCABULARIES.scored(), /tokenizer.ggml.model is 'llama', expected t5/],
    ["no kind", VOCABULARIES.unigram({ model: undefined }), /tokenizer.ggml.model is missing, expected t5/],
    ["no EOS", VOCABULARIES.unigram({ eos_token_id: -1 }), /needs an EOS, an unknown and a padding token/],
    [
      "scores that lack some",
      VOCABULARIES.unigram({ scores: Float32Array.of(1) }),
      /does not contain a number/,
    ],
    [
      "a corrupt map of characters",
      VOCABULARIES.unigram({ precompiled_charsmap: "x" }),
      /not a list of bytes/,
    ],
  ])("rejects %s", (_, source, message) => {
    expect(() => ggufPieceTokenizer(source, TOKENS)).toThrow(
      expect.objectContaining({ code: "DATA_INVALID", message: expect.stringMatching(message) as string }),
    );
  });
});
