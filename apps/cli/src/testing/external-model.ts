/** A tiny published model with a tokenizer, in the layout of the model hub. */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURES = fileURLToPath(new URL("../../../../packages/checkpoints/fixtures/import", import.meta.url));

export const FAMILIES = ["llama", "smollm2", "qwen2", "qwen3", "phi3", "gemma2", "gemma3"] as const;
export type FamilyName = (typeof FAMILIES)[number];

const MARKS = ["<pad>", "<s>", "</s>"];
/** Letters, digits and some signs in the alphabet of byte-level tokenizers, where Ġ is a space and Ċ a line break. */
const CHARACTERS = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:.ĠĊ");

/** Capital letters after a space, each of which is one token, as in byte-level tokenizers. */
const SPACED = Array.from("ABCDE");

const tokenizer = {
  version: "1.0",
  added_tokens: MARKS.map((content, id) => ({ id, content, special: true })),
  normalizer: null,
  pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: null,
  decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
  model: {
    type: "BPE",
    vocab: Object.fromEntries(
      [...MARKS, ...CHARACTERS, ...SPACED.map((letter) => `Ġ${letter}`)].map((token, id) => [token, id]),
    ),
    merges: SPACED.map((letter) => `Ġ ${letter}`),
  },
};

/**
 * Copies a model of a family into `directory`, with a byte-level tokenizer without an unknown token.
 *
 * @param config content of `tokenizer_config.json`. Default: all its special tokens */
export async function writeExternalModel(
  directory: string,
  family: FamilyName,
  config: object = { pad_token: "<pad>", bos_token: "<s>", eos_token: { content: "</s>" }, unk_token: null },
): Promise<void> {
  await cp(join(FIXTURES, family), directory, { recursive: true });
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(config));
}

/** The file that `slm teacher check` compares a family's model with. */
export const expectedLogits = (family: FamilyName): string => join(FIXTURES, family, "expected.safetensors");
