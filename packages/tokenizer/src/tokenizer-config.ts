import { pathOrIdSetting } from "@slm/core";
import { z } from "zod";
import { SMALLEST_BPE_VOCABULARY } from "./learn/bpe-files.js";
import { pruneConfig } from "./pretrained/prune-config.js";
import { SPLITS } from "./text/split-patterns.js";

/** Largest vocabulary. Every id is a row of the embedding; larger vocabularies do not suit a small model. */
const LARGEST_BPE_VOCABULARY = 262_144;

/** No default, because a new key would change the settings of existing tokenizers. */
const unlabelled = z
  .boolean()
  .optional()
  .describe(
    "Also read the unlabelled sources of the data. With few labels they contain most of the text. Default: false.",
  );

const symbols = z.strictObject({
  kind: z
    .literal("symbols")
    .optional()
    .default("symbols")
    .describe(
      "symbols: every lower-case source character and every whitespace-separated target token is one id.",
    ),
  unlabelled,
});

const bpe = z.strictObject({
  kind: z
    .literal("bpe")
    .describe("bpe: byte-level BPE learnt from sources and targets; it encodes any text without loss."),
  vocabularySize: z
    .int()
    .min(SMALLEST_BPE_VOCABULARY)
    .max(LARGEST_BPE_VOCABULARY)
    .default(2048)
    .describe("Maximum vocabulary size, including the 4 special tokens and 256 bytes [tokens]."),
  spaces: z
    .enum(SPLITS)
    .default("joined")
    .describe(
      'joined: a space belongs to the word after it (fewer tokens for prose). apart: spaces are separate, so a word has the same tokens in a sentence and between quotes, and JSON punctuation like ": " is one token.',
    ),
  unlabelled,
});

const pretrained = z.strictObject({
  kind: z
    .literal("pretrained")
    .describe(
      "pretrained: the tokenizer of a published model, without a prompt. A teacher with vocabulary: run shares it.",
    ),
  model: pathOrIdSetting.describe(
    "Directory, GGUF file or hub id (org/name, org/name@revision, hf:org/name/file.gguf). Hub models are downloaded to the hub cache.",
  ),
  prune: pruneConfig
    .omit({ keepFirst: true })
    .optional()
    .describe(
      "Keep only tokens in the training rows and the unlabelled sources, and tokens that are needed to encode any other text. Default: keep the whole " +
        "vocabulary.",
    ),
});

/** How to build the vocabulary. Read from the `tokenizer:` section of a recipe. */
export const tokenizerConfig = z.discriminatedUnion("kind", [symbols, bpe, pretrained], {
  error: "expected symbols, bpe or pretrained",
});

export type TokenizerConfig = z.infer<typeof tokenizerConfig>;
export type PretrainedTokenizerConfig = Extract<TokenizerConfig, { readonly kind: "pretrained" }>;
/** Settings of trained tokenizers. */
export type TrainedTokenizerConfig = Exclude<TokenizerConfig, PretrainedTokenizerConfig>;
