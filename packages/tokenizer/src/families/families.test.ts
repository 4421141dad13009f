import { readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { temporaryFolder, withCode } from "@slm/core/testing";
import { beforeAll, describe, expect, test } from "vitest";
import { createTokenizer } from "../create-tokenizer.js";
import { loadTokenizer } from "../load-tokenizer.js";
import { tokenTexts } from "../library/token-texts.js";
import { writeTokenizer } from "../files/tokenizer-files.js";
import type { EncoderDecoderTokens } from "./assemble-tokenizer.js";
import { readEncoderDecoderTokenizer } from "./read-encoder-decoder-tokenizer.js";

interface Row {
  readonly text: string;
  readonly languages: readonly [string | null, string | null];
  readonly source: readonly number[];
  readonly target: readonly number[];
  readonly decoded: string;
}

interface Case {
  readonly name: string;
  readonly modelType: string;
  /** Files of the directory, base64-encoded. */
  readonly files: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
}

/** Written by packages/tokenizer/fixtures/family-tokenizers.mjs with transformers 4.57.1, tokenizers 0.22.2 and sentencepiece 0.2.3. */
const { cases } = JSON.parse(
  gunzipSync(readFileSync(new URL("../../fixtures/families.json.gz", import.meta.url))).toString("utf8"),
) as { readonly cases: readonly Case[] };

/** Lines that slm rejects: either they normalize to nothing, or they contain a special token, which Python parses as the token. */
const isRejected = ({ text }: Row): boolean =>
  text.replaceAll(/[\s\u00ad\u200b\ufeff\0]/gu, "") === "" || /<bos>|<eos>/u.test(text);

const root = temporaryFolder();
beforeAll(async () => {
  for (const { name, files } of cases) {
    await mkdir(join(root, name));
    for (const [file, content] of Object.entries(files))
      await writeFile(join(root, name, file), Buffer.from(content, "base64"));
  }
});

const open = (
  name: string,
  more: Partial<EncoderDecoderTokens> = {},
): ReturnType<typeof readEncoderDecoderTokenizer> =>
  readEncoderDecoderTokenizer(join(root, name), {
    modelType: cases.find((one) => one.name === name)!.modelType,
    ...more,
  });

/** Tokens of ids, by their texts in the files. */
function named(files: Awaited<ReturnType<typeof open>>, ids: readonly number[]): (string | undefined)[] {
  const texts = tokenTexts(files);
  return ids.map((id) => texts[id]);
}

describe(readEncoderDecoderTokenizer, () => {
  test.each(cases.map((one) => [one.name, one] as const))(
    "gives the ids and the text that Python's libraries give: %s",
    async (name, { modelType, rows }) => {
      const files = await open(name, { forcedBos: modelType === "bart" ? 0 : undefined });
      // What is written can be read again without the other files of the directory.
      await writeTokenizer(files, join(root, `${name}-written`));
      const tokenizer = await loadTokenizer(join(root, `${name}-written`));
      for (const row of rows.filter((one) => !isRejected(one))) {
        const [source, target] = row.languages;
        const pair = { source: source ?? undefined, target: target ?? undefined };
        expect(tokenizer.encodeSource(row.text, pair), row.text).toEqual(row.source);
        // Gemma's own BOS is slm's decoder start.
        const expected = modelType === "t5gemma" ? row.target.slice(1) : row.target;
        expect(tokenizer.encodeTarget(row.text, pair), row.text).toEqual(expected);
        expect(tokenizer.decode(row.target), row.text).toBe(row.decoded);
      }
    },
  );

  test("a request's languages select the ids, and the directory names the defaults", async () => {
    const files = await open("nllb", {
      sourceLanguage: "deu_Latn",
      targetLanguage: "fra_Latn",
      decoderStart: 2,
    });
    const tokenizer = createTokenizer(files);
    expect(tokenizer.languages).toMatchObject({
      source: "deu_Latn",
      target: "fra_Latn",
      begins: "forced_bos",
    });
    expect(tokenizer.languages!.codes).toHaveLength(202);
    expect(tokenizer.tokens.bos).toBe(2);
    expect(named(files, tokenizer.encodeSource("a").slice(0, 1))).toEqual(["deu_Latn"]);
    expect(named(files, tokenizer.encodeSource("a", { source: "zul_Latn" }).slice(0, 1))).toEqual([
      "zul_Latn",
    ]);
    expect(named(files, tokenizer.encodeTarget("a").slice(0, 1))).toEqual(["fra_Latn"]);
    expect(() => tokenizer.encodeSource("a", { source: "klingon" })).toThrow(withCode("CONFIG_INVALID"));
    expect(() => tokenizer.languages!.tokenOf("xx")).toThrow(withCode("CONFIG_INVALID"));
    await expect(open("nllb", { targetLanguage: "xx" })).rejects.toThrow(withCode("CONFIG_INVALID"));
  });

  test("the decoder of mBART starts with the language of the target", async () => {
    const files = await open("mbart", { targetLanguage: "ro_RO", decoderStart: 2 });
    const tokenizer = createTokenizer(files);
    expect(named(files, [tokenizer.tokens.bos])).toEqual(["ro_RO"]);
    expect(named(files, tokenizer.encodeSource("a", { source: "de_DE" }).slice(-2))).toEqual([
      "</s>",
      "de_DE",
    ]);
  });

  test("a forced BOS or a decoder start that is a language names the language of targets", async () => {
    const mbart50 = await open("mbart50-json");
    const french = tokenTexts(mbart50).indexOf("fr_XX");
    const tokenizer = createTokenizer(await open("mbart50-json", { forcedBos: french }));
    expect(tokenizer.languages!.target).toBe("fr_XX");
    expect(tokenizer.encodeTarget("a")[0]).toBe(french);
  });

  test("Marian is told the language of the target by a token before the source, which a request or the text names", async () => {
    const files = await open("marian");
    const tokenizer = createTokenizer(files);
    expect(tokenizer.languages).toMatchObject({ codes: ["fra", "deu", "zh_CN"], begins: "source" });
    const asked = tokenizer.encodeSource("and", { target: "fra" });
    expect(named(files, asked.slice(0, 1))).toEqual([">>fra<<"]);
    expect(tokenizer.encodeSource(">>fra<<and")).toEqual(asked);
    expect(tokenizer.languages!.tokenOf("deu")).toBe(tokenTexts(files).indexOf(">>deu<<"));
  });

  test("sources and targets may have vocabularies of their own", async () => {
    const tokenizer = createTokenizer(await open("marian-separate"));
    expect(tokenizer.sourceVocabularySize).not.toBe(tokenizer.vocabularySize);
    expect(() => tokenizer.decode([tokenizer.vocabularySize])).toThrow(withCode("DATA_INVALID"));
  });

  test("masks may be in a text, other special tokens may not", async () => {
    const files = await open("pegasus");
    const tokenizer = createTokenizer(files);
    expect(named(files, tokenizer.encodeSource("<mask_1> <mask_2>").slice(0, 2))).toContain("<mask_1>");
    expect(() => tokenizer.encodeSource("a</s>")).toThrow(withCode("DATA_INVALID"));
    expect(() => tokenizer.encodeSource("<unk_3>")).toThrow(withCode("DATA_INVALID"));
  });

  test("the class of the tokenizer decides, then the type of the model; neither is rejected", async () => {
    const directory = join(root, "class");
    await mkdir(directory);
    await expect(open("t5", { modelType: "marian" })).resolves.toBeDefined();
    await expect(
      readEncoderDecoderTokenizer(directory, { modelType: "switch_transformers" }),
    ).rejects.toThrow(withCode("OP_UNSUPPORTED"));
    await expect(readEncoderDecoderTokenizer(directory, { modelType: "bart" })).rejects.toThrow(
      withCode("INPUT_MISSING"),
    );
    await expect(readEncoderDecoderTokenizer(directory, { modelType: "t5" })).rejects.toThrow(
      withCode("INPUT_MISSING"),
    );
    await writeFile(
      join(directory, "tokenizer_config.json"),
      JSON.stringify({ tokenizer_class: "constructor" }),
    );
    await expect(readEncoderDecoderTokenizer(directory, { modelType: "toString" })).rejects.toThrow(
      withCode("OP_UNSUPPORTED"),
    );
  });

  test("a dictionary without the special tokens is rejected", async () => {
    const directory = join(root, "dictionary");
    await mkdir(directory);
    for (const [file, content] of Object.entries(cases.find(({ name }) => name === "marian")!.files))
      await writeFile(join(directory, file), Buffer.from(content, "base64"));
    await writeFile(join(directory, "vocab.json"), JSON.stringify({ "<unk>": 0, a: 1 }));
    await expect(readEncoderDecoderTokenizer(directory, { modelType: "marian" })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
    await writeFile(join(directory, "vocab.json"), JSON.stringify({ "<unk>": -1 }));
    await expect(readEncoderDecoderTokenizer(directory, { modelType: "marian" })).rejects.toThrow(
      withCode("DATA_INVALID"),
    );
  });
});
