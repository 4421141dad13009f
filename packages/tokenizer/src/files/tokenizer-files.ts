/** The two files of a tokenizer directory: schemas, reading and writing. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, SlmError } from "@slm/core";
import { z } from "zod";
import { messageOf, readJson } from "./read-json.js";

export const TOKENIZER_FILE = "tokenizer.json";
export const TOKENIZER_CONFIG_FILE = "tokenizer_config.json";

/** Longest prefix or suffix of a source [characters]. */
const MAX_PROMPT = 1 << 20;
/** Ids become rows of an embedding matrix, so larger ids are rejected before memory is allocated for them. */
const MAX_VOCABULARY = 4_000_000;

/** Longest added token [characters]: the search for them starts at every character of a text. Published tokens have up to about 50. */
const LONGEST_ADDED = 512;
/** Most added tokens: a decoder compares each token of a text with all of them. Published files have up to about 6,000. */
const MOST_ADDED = 100_000;

const tokenId = z
  .int()
  .nonnegative()
  .max(MAX_VOCABULARY - 1);

/** A component of the tokenizer library, which checks it when it builds it. */
const component = z.looseObject({ type: z.string() }).nullable();

/** Token to id, or (Unigram) a list of [token, score] in id order. Kept as read: no key is dropped. */
const vocabulary = z.custom<Readonly<Record<string, number>> | readonly (readonly [string, number])[]>(
  isVocabulary,
  "expected an object from token to id, or a list of [token, score]",
);

export const tokenizerJsonSchema = z.looseObject({
  version: z.string().optional(),
  added_tokens: z
    .array(
      z.looseObject({
        id: tokenId,
        content: z.string().min(1).max(LONGEST_ADDED),
        special: z.boolean().optional(),
      }),
    )
    .max(MOST_ADDED),
  normalizer: component,
  pre_tokenizer: component,
  post_processor: component,
  decoder: component,
  model: z.looseObject({ type: z.string().optional(), vocab: vocabulary }),
});

/** A token: its text, or, in older files, an object with the text. */
const tokenName = z
  .union([z.string().min(1), z.looseObject({ content: z.string().min(1) })])
  .transform((value) => (typeof value === "string" ? value : value.content));

/** Most consecutive special tokens; published models have up to two. */
const tokens = z.array(tokenName).max(64);

/** Most tokens that texts may contain; T5 has 100 sentinels. */
const MAX_TEXT_TOKENS = 10_000;
/** Most languages of a model; NLLB has 202. */
const MAX_LANGUAGES = 10_000;

const languages = z.strictObject({
  tokens: z
    .record(z.string().min(1), tokenName)
    .refine(
      (codes) => Object.keys(codes).length <= MAX_LANGUAGES,
      `expected at most ${MAX_LANGUAGES} languages`,
    )
    .describe("Token of each language, by language code."),
  place: z
    .enum(["before", "after"])
    .describe(
      "Whether the language of a source comes before or after the text; it is outside of prefix and suffix.",
    ),
  begins: z
    .enum(["decoder_start", "forced_bos", "source"])
    .describe(
      "How the model is told the target language: by the decoder's first token, by the first token of the answer, or in the " +
        "source, in place of the source language.",
    ),
  source: z.string().optional().describe("Default language of sources."),
  target: z.string().optional().describe("Default language of targets."),
});

/** Longest SentencePiece model in base64 [characters]. */
const MAX_MODEL_TEXT = 1 << 26;
const sentencePieceModel = z.string().min(1).max(MAX_MODEL_TEXT);

export const tokenizerConfigJsonSchema = z.looseObject({
  pad_token: tokenName,
  bos_token: tokenName,
  eos_token: tokenName,
  unk_token: tokenName,
  clean_up_tokenization_spaces: z.boolean().optional(),
  unknown_text: z
    .enum(["rejected", "kept"])
    .optional()
    .describe(
      "Whether text outside the vocabulary is rejected. Otherwise it becomes the unknown token, as in the training of models with " +
        "WordPiece and Unigram vocabularies.",
    ),
  source: z
    .strictObject({
      lowercase: z.boolean().describe("Lower-case the source before encoding it."),
      symbols: z
        .int()
        .nonnegative()
        .optional()
        .describe("Source characters in the vocabulary; only for a symbol tokenizer."),
      before: z
        .string()
        .max(MAX_PROMPT)
        .optional()
        .describe("Text before every source. It may contain special tokens."),
      after: z
        .string()
        .min(1)
        .max(MAX_PROMPT)
        .optional()
        .describe(
          "Text after every source. It may contain special tokens. Its last token replaces the BOS token, so " +
            "targets follow it directly.",
        ),
      prefix: tokens.optional().describe("Special tokens before every source."),
      suffix: tokens.optional().describe("Special tokens after every source, such as EOS."),
    })
    .default({ lowercase: false }),
  target: z
    .strictObject({
      start: tokenName.optional().describe("First token of the decoder. Default: bos_token."),
      prefix: tokens.optional().describe("Special tokens at the start of every target (forced BOS)."),
      vocab: z
        .record(z.string(), tokenId)
        .optional()
        .describe("Token ids of targets, if they differ from the ids of sources."),
    })
    .optional(),
  languages: languages.optional(),
  text_tokens: z
    .array(tokenName)
    .max(MAX_TEXT_TOKENS)
    .optional()
    .describe("Special tokens that texts may contain, such as the mask of a model that fills gaps."),
  sentencepiece: z
    .strictObject({
      source: sentencePieceModel,
      target: sentencePieceModel.optional(),
      leading_code: z
        .boolean()
        .optional()
        .describe("Whether a text may start with a token between >> and <<, as texts for Marian do."),
      one_prefix: z
        .boolean()
        .optional()
        .describe(
          "Whether only the start of a text gets a dummy prefix, not the text after a mask (T5 with `legacy: false`).",
        ),
    })
    .optional()
    .describe(
      "SentencePiece models, in base64. They split the texts; tokenizer.json, which approximates them for other " +
        "libraries, contains the ids. `target` is present if targets have their own model.",
    ),
});

export type TokenizerJson = z.infer<typeof tokenizerJsonSchema>;
export type TokenizerConfigJson = z.infer<typeof tokenizerConfigJsonSchema>;

/** Contents of a tokenizer directory. */
export interface TokenizerFiles {
  /** `tokenizer.json`, in the format of Hugging Face `tokenizers`. */
  readonly tokenizer: TokenizerJson;
  /** `tokenizer_config.json`: names of the special tokens, and how the source is processed. */
  readonly config: TokenizerConfigJson;
}

/**
 * Reads and checks both files of a tokenizer directory.
 *
 * @throws SlmError INPUT_MISSING if a file is missing, DATA_INVALID if it is invalid.
 */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  return {
    tokenizer: await readJson(join(directory, TOKENIZER_FILE), tokenizerJsonSchema),
    config: await readJson(join(directory, TOKENIZER_CONFIG_FILE), tokenizerConfigJsonSchema),
  };
}

/**
 * Writes both files into a directory; creates it if needed.
 *
 * @throws SlmError OUTPUT_FAILED if a write fails.
 */
export async function writeTokenizer(files: TokenizerFiles, directory: string): Promise<void> {
  try {
    await makeFolder(directory);
    await writeFile(join(directory, TOKENIZER_FILE), `${JSON.stringify(files.tokenizer, null, 2)}\n`);
    await writeFile(join(directory, TOKENIZER_CONFIG_FILE), `${JSON.stringify(files.config, null, 2)}\n`);
  } catch (cause) {
    throw new SlmError("OUTPUT_FAILED", `tokenizer: cannot write ${directory}: ${messageOf(cause)}`, {
      context: { directory },
      cause,
    });
  }
}

function isVocabulary(value: unknown): boolean {
  if (Array.isArray(value)) {
    return value.length <= MAX_VOCABULARY && value.every((entry) => isScoredToken(entry));
  }
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).every((id) => tokenId.safeParse(id).success);
}

function isScoredToken(entry: unknown): boolean {
  return (
    Array.isArray(entry) && entry.length === 2 && typeof entry[0] === "string" && typeof entry[1] === "number"
  );
}
