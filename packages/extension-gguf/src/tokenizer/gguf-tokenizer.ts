/** The tokenizer in a file's metadata, as the two files of a Hugging Face directory. */
import type { TokenizerJson } from "@slm/tokenizer";
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shownName } from "@slm/checkpoints";
import { addedTokens } from "./added-tokens.js";
import { bytePairParts, gemma4Parts } from "./byte-pairs.js";
import type { Component } from "./components.js";
import { sentencePieceParts } from "./sentence-piece.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { unigramParts } from "./unigram.js";
import { unsupported } from "./unsupported.js";
import { flag, readVocabulary, type SpecialIds, type Vocabulary } from "./vocabulary.js";
import { wordPieceParts } from "./word-piece.js";

export interface HuggingFaceTokenizer {
  /** Contents of `tokenizer.json`. */
  readonly tokenizer: TokenizerJson;
  /** Contents of `tokenizer_config.json`: special tokens by text, the chat template. */
  readonly config: Readonly<Record<string, unknown>>;
}

type Part = Readonly<Record<string, unknown>>;

interface Kind {
  readonly parts: (source: GgufFile, vocabulary: Vocabulary) => TokenizerParts;
  /** Ids of special tokens in files that do not name them. Source: llama.cpp, `llama_vocab::impl::load`. */
  readonly defaults?: SpecialIds;
}

/** Ids of T5's special tokens in files that do not name them. */
export const T5_DEFAULTS: SpecialIds = { eos_token: 1, unk_token: 2, pad_token: 0 };

/** One entry per `tokenizer.ggml.model`. */
const KINDS: Readonly<Record<string, Kind>> = {
  gpt2: { parts: bytePairParts },
  gemma4: { parts: gemma4Parts },
  whitespace: { parts: bytePairParts },
  llama: { parts: sentencePieceParts, defaults: { bos_token: 1, eos_token: 2, unk_token: 0 } },
  bert: {
    parts: wordPieceParts,
    defaults: { bos_token: 101, eos_token: 102, unk_token: 100, pad_token: 0, mask_token: 103 },
  },
  t5: { parts: unigramParts, defaults: T5_DEFAULTS },
};

/** Kinds that `tokenizer.json` cannot express, and why. */
const NOT_READ: Readonly<Record<string, string>> = {
  rwkv: "RWKV matches the longest byte sequence in a trie",
  plamo2: "PLaMo 2 scores all segmentations of a text by suffixes",
  hybriddna: "hybriddna splits sequences of bases into 6-mers",
  test: "a kind for llama.cpp's own tests",
  no_vocab: "the file does not contain a tokenizer",
  none: "the file does not contain a tokenizer",
};

/**
 * The tokenizer of a file.
 *
 * @throws SlmError DATA_INVALID for an unknown kind or pre-tokenizer and for an invalid vocabulary; OP_UNSUPPORTED for a kind that
 * `tokenizer.json` cannot express
 */
export function ggufTokenizer(source: GgufFile): HuggingFaceTokenizer {
  const kind = kindOf(source);
  const vocabulary = readVocabulary(source, kind.defaults);
  const parts = kind.parts(source, vocabulary);
  const adds = (key: string, standard: boolean | "always"): boolean =>
    standard === "always" || flag(source, key, standard);
  const addsBos = adds("add_bos_token", parts.addsBos);
  const addsEos = adds("add_eos_token", parts.addsEos);
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(source, vocabulary),
      normalizer: parts.normalizer,
      pre_tokenizer: parts.preTokenizer,
      post_processor: postProcessor(source.file, vocabulary, addsBos, addsEos),
      decoder: parts.decoder,
      model: parts.model,
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...vocabulary.special,
      add_bos_token: addsBos,
      add_eos_token: addsEos,
      clean_up_tokenization_spaces: parts.cleansSpaces ?? false,
      ...(parts.keepsUnknown === true ? { unknown_text: "kept" } : {}),
      ...chatTemplate(source),
    },
  };
}

function kindOf({ file, metadata }: GgufFile): Kind {
  const name = metadata.get("tokenizer.ggml.model");
  if (typeof name === "string" && Object.hasOwn(KINDS, name)) return KINDS[name]!;
  if (typeof name === "string" && Object.hasOwn(NOT_READ, name)) throw unsupported(file, NOT_READ[name]!);
  const got = name === undefined ? "missing" : `'${shownName(String(name))}'`;
  throw invalid(file, `tokenizer.ggml.model is ${got}, expected ${Object.keys(KINDS).join(", ")}`);
}

/** Adds BOS before and EOS after a text. */
function postProcessor(
  file: string,
  { special, idOf }: Vocabulary,
  addsBos: boolean,
  addsEos: boolean,
): Component | null {
  if (!addsBos && !addsEos) return null;
  const used: Record<string, Part> = {};
  const mark = (name: "bos_token" | "eos_token"): Part[] => {
    const token = special[name];
    if (token === undefined) throw invalid(file, `texts need a ${name}, but the file names none`);
    used[token] = { id: token, ids: [idOf.get(token)!], tokens: [token] };
    return [{ SpecialToken: { id: token, type_id: 0 } }];
  };
  const begin = addsBos ? mark("bos_token") : [];
  const end = addsEos ? mark("eos_token") : [];
  const sequence = (id: string): Part => ({ Sequence: { id, type_id: 0 } });
  return {
    type: "TemplateProcessing",
    single: [...begin, sequence("A"), ...end],
    pair: [...begin, sequence("A"), ...end, ...begin, sequence("B"), ...end],
    special_tokens: used,
  };
}

function chatTemplate({ file, metadata }: GgufFile): Part {
  const template = metadata.get("tokenizer.chat_template");
  if (template === undefined) return {};
  if (typeof template !== "string") throw invalid(file, "tokenizer.chat_template is not a text");
  return { chat_template: template };
}
