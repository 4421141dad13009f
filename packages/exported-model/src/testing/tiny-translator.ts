/** The smallest multilingual model: the tiny one, with two languages and sources of letters. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeDeviceModel } from "../device-model-file.js";
import type { DeviceModel } from "../device-model.js";
import { TINY, tinyDeviceModel } from "./tiny-model.js";

const SPECIAL = ["<pad>", "<s>", "</s>", "<unk>"];
const LETTERS = ["a", "b", "c", "d"];

/** Ids of the tokens of its languages. */
export const TINY_LANGUAGES = { xx: 8, yy: 9 } as const;

/** Writes `model.json` and a tokenizer with two languages; the graphs are a `MemoryModel`'s. */
export async function writeTinyTranslator(
  directory: string,
  begins: "decoder_start" | "forced_bos" | "source",
  change: Partial<DeviceModel> = {},
): Promise<void> {
  const codes = Object.keys(TINY_LANGUAGES);
  const special = [...SPECIAL, ...codes.map((code) => `<${code}>`)];
  const texts = [...SPECIAL, ...LETTERS, ...codes.map((code) => `<${code}>`), "z"];
  if (texts.length !== TINY.vocabularySize) throw new Error("the vocabulary differs from the tiny model's");
  const tokenizer = {
    version: "1.0",
    added_tokens: special.map((content) => ({ id: texts.indexOf(content), content, special: true })),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: null,
    model: { type: "BPE", vocab: Object.fromEntries(texts.map((text, id) => [text, id])), merges: [] },
  };
  const config = {
    pad_token: "<pad>",
    bos_token: "<s>",
    eos_token: "</s>",
    unk_token: "<unk>",
    clean_up_tokenization_spaces: false,
    languages: {
      tokens: Object.fromEntries(codes.map((code) => [code, `<${code}>`])),
      place: "before",
      begins,
      source: begins === "source" ? undefined : "xx",
    },
  };
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(config));
  await writeDeviceModel(directory, tinyDeviceModel(change));
}
