/** The tokenizer in a file's metadata, as the two files of a Hugging Face directory. */
import type { TokenizerJson } from "@slm/tokenizer";
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shown } from "../file/metadata.js";
import { byteLevelParts } from "./byte-level.js";
import type { Component } from "./pre-tokenizers.js";
import { sentencePieceParts } from "./sentence-piece.js";
import type { TokenizerParts } from "./tokenizer-parts.js";
import { flag, readVocabulary, type Vocabulary } from "./vocabulary.js";

export interface HuggingFaceTokenizer {
  /** Contents of `tokenizer.json`. */
  readonly tokenizer: TokenizerJson;
  /** Contents of `tokenizer_config.json`: special tokens by text, the chat template. */
  readonly config: Readonly<Record<string, unknown>>;
}

type Part = Readonly<Record<string, unknown>>;

/** One row per `tokenizer.ggml.model`. */
const MODELS: Readonly<Record<string, (source: GgufFile, vocabulary: Vocabulary) => TokenizerParts>> = {
  gpt2: byteLevelParts,
  llama: sentencePieceParts,
};

/**
 * The tokenizer of a file.
 *
 * @throws SlmError DATA_INVALID for a kind, a cutter or a vocabulary that is not read, by name
 */
export function ggufTokenizer(source: GgufFile): HuggingFaceTokenizer {
  const kind = source.metadata.get("tokenizer.ggml.model");
  if (typeof kind !== "string" || !Object.hasOwn(MODELS, kind)) {
    const got = kind === undefined ? "missing" : `'${shown(String(kind))}'`;
    throw invalid(
      source.file,
      `tokenizer.ggml.model is ${got}, expected ${Object.keys(MODELS).join(" or ")}`,
    );
  }
  const vocabulary = readVocabulary(source);
  const parts = MODELS[kind]!(source, vocabulary);
  const addsBos = flag(source, "add_bos_token", parts.addsBos);
  const addsEos = flag(source, "add_eos_token", false);
  return {
    tokenizer: {
      version: "1.0",
      truncation: null,
      padding: null,
      added_tokens: addedTokens(vocabulary),
      normalizer: parts.normalizer,
      pre_tokenizer: parts.preTokenizer,
      post_processor: postProcessor(source.file, vocabulary, addsBos, addsEos),
      decoder: parts.decoder,
      model: {
        type: "BPE",
        dropout: null,
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        ...parts.model,
        vocab: Object.fromEntries(vocabulary.idOf),
        merges: parts.merges,
      },
    },
    config: {
      tokenizer_class: "PreTrainedTokenizerFast",
      ...vocabulary.special,
      add_bos_token: addsBos,
      add_eos_token: addsEos,
      clean_up_tokenization_spaces: false,
      ...chatTemplate(source),
    },
  };
}

/** Tokens that are found in a text before it is cut: control tokens, and those that the model's maker added. */
function addedTokens({ tokens, types }: Vocabulary): TokenizerJson["added_tokens"] {
  return tokens.flatMap((content, id) => {
    const type = types[id];
    if (type !== "control" && type !== "user" && type !== "unknown") return [];
    const special = type !== "user";
    return [{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special }];
  });
}

/** Puts bos before and eos behind a text. */
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
    if (token === undefined) throw invalid(file, `texts get a ${name}, but the file names none`);
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
