/** Published encoder-decoders in layout transformers.js must return the same tokens in that library as in slm's own runtime. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openGraphModel, type Generation } from "@slm/inference";
import { beforeAll, describe, expect, test } from "vitest";
import {
  chosenFamilies,
  NATIVE_ONLY,
  writeEncoderDecoder,
  type PublishedName,
} from "../apps/cli/src/testing/external-encoder-decoder.js";
import { runCommand } from "../apps/cli/src/testing/run-command.js";
import { LibraryModels, type TextLibrary } from "./transformers-library.js";

/** The part of `@huggingface/transformers` that this test uses. Its types are not installed. */
interface Library extends TextLibrary {
  readonly pipeline: (
    task: "translation",
    name: string,
    options: { readonly dtype: string },
  ) => Promise<(text: string, options: object) => Promise<readonly { readonly translation_text: string }[]>>;
}

const setting = new LibraryModels<Library>();

/** Longest compared answer [tokens]. */
const NEW = 8;
/** Letters in every tokenizer of these tests. */
const TEXTS = ["FEG", "GO", "MINUS", "KELP", "QUICK"];

/** A language pair for multilingual models. */
const LANGUAGES: Readonly<Partial<Record<PublishedName, readonly [source: string, target: string]>>> = {
  nllb: ["eng_Latn", "fra_Latn"],
  m2m_100: ["en", "fr"],
  "mbart-50": ["de_DE", "fr_XX"],
};

async function succeed(command: string, ...argv: string[]): Promise<void> {
  const { exitCode, stderr } = await runCommand(command, argv);
  expect(exitCode, stderr).toBe(0);
}

describe.each(chosenFamilies().filter((family) => !NATIVE_ONLY.has(family)))("%s", (family) => {
  const at = (name: string): string => join(setting.workspace, `${family}-${name}`);
  let eos: number;

  const answers = async (languages?: readonly [string, string]): Promise<readonly Generation[]> => {
    const generator = await openGraphModel(at("cpu"), setting.runtime);
    ({ eos } = generator.description.tokens);
    const pair = languages === undefined ? {} : { languages: { source: languages[0], target: languages[1] } };
    try {
      return await generator.generate(
        TEXTS.map((text) => ({ text, ...pair })),
        { maxTokens: NEW },
      );
    } finally {
      await generator.close();
    }
  };

  beforeAll(async () => {
    await writeEncoderDecoder(at("published"), family);
    await succeed("import", at("published"), "-o", at("model"), "--max-source", "20", "--max-target", "16");
    await succeed("export", at("model"), "--target", "cpu", "-o", at("cpu"));
    await succeed("export", at("model"), "--target", "web", "--layout", "transformers.js", "-o", at("web"));
  });

  test("answers with the same tokens, one text at a time and in a batch", async () => {
    const expected = (await answers()).map(({ tokens, finished }) => (finished ? [...tokens, eos] : tokens));
    const tokenizer = await setting.library.AutoTokenizer.from_pretrained(`${family}-web`);
    const model = await setting.library.AutoModelForSeq2SeqLM.from_pretrained(`${family}-web`, {
      dtype: "fp32",
    });
    for (const [index, text] of TEXTS.entries()) {
      const [row] = (await model.generate({ ...tokenizer(text), max_new_tokens: NEW })).tolist();
      expect(row!.slice(1).map(Number), text).toEqual(expected[index]);
    }
    const inputs = { ...tokenizer(TEXTS, { padding: true }), max_new_tokens: NEW };
    const rows = (await model.generate(inputs)).tolist();
    // A finished row continues with EOS until the last row has finished.
    const complete = expected.map((tokens) => [...tokens, ...Array<number>(NEW).fill(eos)]);
    rows.forEach((row, index) => {
      expect(row.slice(1).map(Number), TEXTS[index]).toEqual(complete[index]!.slice(0, row.length - 1));
    });
  });

  test.runIf(family in LANGUAGES)(
    "translates between the languages that its pipeline is told",
    async () => {
      const [source, target] = LANGUAGES[family]!;
      const translate = await setting.library.pipeline("translation", `${family}-web`, { dtype: "fp32" });
      const texts: string[] = [];
      for (const text of TEXTS) {
        const [answer] = await translate(text, { src_lang: source, tgt_lang: target, max_new_tokens: NEW });
        texts.push(answer!.translation_text);
      }
      const expected = (await answers([source, target])).map(({ text }) => text.trim());
      expect(texts.map((text) => text.trim())).toEqual(expected);
      expect(new Set(texts).size).toBeGreaterThan(1);
    },
    60_000,
  );
});

test("several ends, n-grams and bad words of a model's own settings are followed", async () => {
  const at = (name: string): string => join(setting.workspace, `own-${name}`);
  await writeEncoderDecoder(at("published"), "umt5");
  const file = join(at("published"), "generation_config.json");
  const settings = JSON.parse(await readFile(file, "utf8")) as { readonly eos_token_id: number };
  const ends = [settings.eos_token_id, 33];
  const own = { ...settings, eos_token_id: ends, no_repeat_ngram_size: 2, bad_words_ids: [[17]] };
  await writeFile(file, JSON.stringify(own));
  await succeed("import", at("published"), "-o", at("model"), "--max-source", "20", "--max-target", "16");
  await succeed("export", at("model"), "--target", "cpu", "-o", at("cpu"));
  await succeed("export", at("model"), "--target", "web", "--layout", "transformers.js", "-o", at("web"));
  const generator = await openGraphModel(at("cpu"), setting.runtime);
  const expected = await generator.generate(TEXTS, { maxTokens: NEW });
  await generator.close();
  const tokenizer = await setting.library.AutoTokenizer.from_pretrained("own-web");
  const model = await setting.library.AutoModelForSeq2SeqLM.from_pretrained("own-web", { dtype: "fp32" });
  for (const [index, text] of TEXTS.entries()) {
    const [row] = (await model.generate({ ...tokenizer(text), max_new_tokens: NEW })).tolist();
    const tokens = row!.slice(1).map(Number);
    expect(ends.includes(tokens.at(-1)!) ? tokens.slice(0, -1) : tokens, text).toEqual(
      expected[index]!.tokens,
    );
  }
  expect(expected.some(({ finished }) => finished)).toBe(true);
  expect(expected.flatMap(({ tokens }) => tokens)).not.toContain(17);
});
