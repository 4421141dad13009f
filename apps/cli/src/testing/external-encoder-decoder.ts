/** A tiny published encoder-decoder with a tokenizer, in the layout of the model hub. */
import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const FIXTURES = fileURLToPath(
  new URL("../../../../packages/checkpoints/fixtures/encoder-decoders", import.meta.url),
);

/** Families that put every text between the same tokens. Families with languages have separate tokenizers. */
export const ENCODER_DECODERS = ["t5", "umt5", "bart", "pegasus", "marian", "t5gemma"] as const;

/** Families with languages, which have separate tokenizers. */
const TRANSLATORS = ["nllb", "m2m_100", "mbart", "mbart-50"] as const;

/** Every family, and rare shapes. */
const PUBLISHED = [
  ...ENCODER_DECODERS,
  "mt5",
  "blenderbot-small",
  "t5gemma2",
  "bart-heads",
  "t5-quick-gelu",
  "t5gemma-widths",
  ...TRANSLATORS,
] as const;
export type PublishedName = (typeof PUBLISHED)[number];

/** Families that long tests cover: all, or those in `SLM_TEST_FAMILIES=t5,nllb`. */
export function chosenFamilies(): readonly PublishedName[] {
  const chosen = process.env.SLM_TEST_FAMILIES?.split(",");
  if (chosen === undefined) return PUBLISHED;
  return chosen.map((name) => {
    const family = PUBLISHED.find((known) => known === name);
    if (family === undefined)
      throw new Error(`SLM_TEST_FAMILIES: expected ${PUBLISHED.join(", ")}; got ${name}`);
    return family;
  });
}

/** Families with one attention over target and source. transformers.js has no class for them. */
export const NATIVE_ONLY: ReadonlySet<PublishedName> = new Set(["t5gemma2"]);

/** Outputs that the family's own library computed, in the layout of `slm model check`. */
export const familyReference = (family: PublishedName): string => join(FIXTURES, family);

const CHARACTERS = Array.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqr");

interface TokenIds {
  readonly pad_token_id: number;
  readonly eos_token_id: number;
  readonly decoder_start_token_id: number;
  readonly bos_token_id?: number;
}

/**
 * Copies a model into `directory`, with a byte-level tokenizer of single letters that appends EOS. A model with languages keeps its
 * own tokenizer.
 */
export async function writeEncoderDecoder(directory: string, family: PublishedName): Promise<void> {
  const isTranslator = TRANSLATORS.some((name) => name === family);
  const folder = isTranslator ? join(FIXTURES, "../translators", family) : familyReference(family);
  await cp(folder, directory, { recursive: true });
  if (isTranslator) return;
  const ids = JSON.parse(await readFile(join(directory, "generation_config.json"), "utf8")) as TokenIds;
  const texts = [...CHARACTERS];
  const names = { [ids.bos_token_id ?? ids.decoder_start_token_id]: "<s>", [ids.pad_token_id]: "<pad>" };
  const special = { ...names, [ids.eos_token_id]: "</s>" };
  for (const [id, name] of Object.entries(special)) texts[Number(id)] = name;
  const letters = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokenizer = {
    version: "1.0",
    added_tokens: Object.entries(special).map(([id, content]) => ({
      id: Number(id),
      content,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: letters,
    post_processor: {
      type: "TemplateProcessing",
      single: [{ Sequence: { id: "A", type_id: 0 } }, { SpecialToken: { id: "</s>", type_id: 0 } }],
      pair: [],
      special_tokens: { "</s>": { id: "</s>", ids: [ids.eos_token_id], tokens: ["</s>"] } },
    },
    decoder: letters,
    model: { type: "BPE", vocab: Object.fromEntries(texts.map((text, id) => [text, id])), merges: [] },
  };
  await writeFile(join(directory, "tokenizer.json"), JSON.stringify(tokenizer));
  const config = { pad_token: "<pad>", eos_token: "</s>", unk_token: "<pad>" };
  await writeFile(join(directory, "tokenizer_config.json"), JSON.stringify(config));
}
