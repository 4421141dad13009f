/** Puts slm's tokenizer files together: a vocabulary that was read, its special tokens and its languages. */
import { SlmError } from "@slm/core";
import { z } from "zod";
import { tokenTexts } from "../library/token-texts.js";
import {
  TOKENIZER_CONFIG_FILE,
  tokenizerConfigJsonSchema,
  type TokenizerConfigJson,
  type TokenizerFiles,
  type TokenizerJson,
} from "../files/tokenizer-files.js";
import { specialToken } from "./added-token.js";
import type { Around } from "./around.js";
import type { FamilyConfig } from "./external-config.js";
import type { NamedTokens } from "./family-table.js";
import type { ReadVocabulary } from "./read-vocabulary.js";

/** What a model's own configuration contains about its tokens. */
export interface EncoderDecoderTokens {
  /** `model_type` of `config.json`: selects the class if `tokenizer_config.json` names none. */
  readonly modelType: string;
  /** `tokenizer_class` of `config.json`, used if `tokenizer_config.json` names none. */
  readonly tokenizerClass?: string | undefined;
  /** `decoder_start_token_id`: becomes `tokens.bos` of the tokenizer, unless the decoder starts with a language. */
  readonly decoderStart?: number | undefined;
  /** `forced_bos_token_id`: targets start with it, unless they start with a language. */
  readonly forcedBos?: number | undefined;
  readonly eos?: number | undefined;
  readonly pad?: number | undefined;
  /** Default languages of texts, in the model's notation: `en_XX`, `eng_Latn`, `fr`. */
  readonly sourceLanguage?: string | undefined;
  readonly targetLanguage?: string | undefined;
}

/** Tokens that models learnt to fill gaps with. */
export const SENTINEL = /^<extra_id_\d+>$/u;

/**
 * Returns the tokenizer files of a vocabulary.
 *
 * @param external settings of the published `tokenizer_config.json`, which are kept
 * @throws SlmError DATA_INVALID for settings that `tokenizer_config.json` cannot have, CONFIG_INVALID for a language that the model lacks
 */
export function assembleTokenizer(
  read: ReadVocabulary,
  { prefix, suffix, languages }: Around,
  names: NamedTokens,
  external: FamilyConfig,
  tokens: EncoderDecoderTokens,
): TokenizerFiles {
  const tokenizer = withListed(read.tokenizer, external);
  const texts = tokenTexts({ tokenizer });
  const known = new Set(texts);
  const targetTexts = new Map(Object.entries(read.targetVocab ?? {}).map(([text, id]) => [id, text]));
  const nameOf = (id: number | undefined): string | undefined =>
    id === undefined ? undefined : read.targetVocab === undefined ? texts[id] : targetTexts.get(id);
  const [start, forced] = [nameOf(tokens.decoderStart), nameOf(tokens.forcedBos)];
  const spoken =
    languages === undefined ? undefined : spokenLanguages(languages, known, external, tokens, start, forced);
  const isForced = spoken?.begins === "forced_bos" && spoken.target !== undefined;
  const isStart = spoken?.begins === "decoder_start" && spoken.target !== undefined;
  const config = tokenizerConfigJsonSchema.safeParse({
    ...external,
    pad_token: names.pad,
    bos_token: names.bos ?? start ?? names.pad,
    eos_token: names.eos,
    unk_token: names.unknown,
    unknown_text: "kept",
    source: { lowercase: false, prefix, suffix },
    target: {
      start: isStart ? spoken.tokens[spoken.target!] : start,
      prefix: forced === undefined || isForced ? undefined : [forced],
      vocab: read.targetVocab,
    },
    languages: spoken,
    text_tokens: [
      ...names.masks.filter((mask) => known.has(mask)),
      ...tokenizer.added_tokens.map(({ content }) => content).filter((content) => SENTINEL.test(content)),
    ],
    sentencepiece: read.sentencepiece,
  });
  if (config.success) return { tokenizer, config: config.data };
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: ${TOKENIZER_CONFIG_FILE}: ${z.prettifyError(config.error)}`,
    { cause: config.error },
  );
}

/** Adds the tokens that only `added_tokens_decoder` of the configuration contains. */
function withListed(tokenizer: TokenizerJson, { added_tokens_decoder: listed }: FamilyConfig): TokenizerJson {
  const entries = Object.entries(listed ?? {}).map(([id, token]) => ({
    ...specialToken(Number(id), token.content, token),
    special: token.special ?? false,
  }));
  const ids = new Set(entries.map(({ id }) => id));
  const texts = new Set(entries.map(({ content }) => content));
  const kept = tokenizer.added_tokens.filter(({ id, content }) => !ids.has(id) && !texts.has(content));
  if (entries.length === 0) return tokenizer;
  return { ...tokenizer, added_tokens: [...kept, ...entries].sort((left, right) => left.id - right.id) };
}

type Languages = NonNullable<TokenizerConfigJson["languages"]>;

function spokenLanguages(
  { tokens: all, place, begins, source }: NonNullable<Around["languages"]>,
  known: ReadonlySet<string | undefined>,
  external: FamilyConfig,
  tokens: EncoderDecoderTokens,
  start: string | undefined,
  forced: string | undefined,
): Languages {
  const codes = Object.fromEntries(Object.entries(all).filter(([, token]) => known.has(token)));
  const begun = begins === "decoder_start" ? start : begins === "forced_bos" ? forced : undefined;
  const codeOf = (token: string | undefined): string | undefined =>
    Object.entries(codes).find(([, text]) => text === token)?.[0];
  const checked = (code: string | null | undefined): string | undefined => {
    if (code === undefined || code === null || Object.hasOwn(codes, code)) return code ?? undefined;
    throw new SlmError(
      "CONFIG_INVALID",
      `tokenizer: the model has no language '${code}'; its languages are ${Object.keys(codes).join(", ")}`,
      { context: { language: code } },
    );
  };
  return {
    tokens: codes,
    place,
    begins,
    source: checked(tokens.sourceLanguage ?? external.src_lang ?? source),
    target: checked(tokens.targetLanguage ?? external.tgt_lang) ?? codeOf(begun),
  };
}
