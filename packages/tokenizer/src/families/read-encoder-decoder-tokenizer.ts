/** Opens the tokenizer of a published encoder-decoder (T5, BART, Marian, NLLB, ...) in a Hugging Face directory. */
import { basename, dirname, join } from "node:path";
import { SlmError } from "@slm/core";
import { z } from "zod";
import { isThere, readJson } from "../files/read-json.js";
import {
  DEFAULT_NORMALIZER,
  readSentencePieceModel,
  UNKNOWN_TEXT,
  type NormalizerSpec,
  type Piece,
} from "../sentencepiece/model-proto.js";
import { writeSentencePieceModel } from "../sentencepiece/write-model.js";
import { tokenTexts } from "../library/token-texts.js";
import {
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  tokenizerConfigJsonSchema,
  tokenizerJsonSchema,
  type TokenizerConfigJson,
  type TokenizerFiles,
  type TokenizerJson,
} from "../files/tokenizer-files.js";
import { base64Text } from "../text/utf8.js";
import { specialToken } from "./added-token.js";
import { aroundByProcessor, type Around } from "./around.js";
import { familyConfigSchema, type FamilyConfig } from "./external-config.js";
import { familyOf, type Family, type NamedTokens } from "./family-table.js";
import { marianVocabulary } from "./piece-vocabularies.js";
import { readVocabulary, withModel, type ReadVocabulary } from "./read-vocabulary.js";

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

/**
 * Reads the tokenizer of a Hugging Face directory. `createTokenizer` runs the result, `writeTokenizer` writes it.
 *
 * Reads `tokenizer.json` if it exists. Otherwise the files depend on the tokenizer class: the SentencePiece model (`spiece.model`,
 * `sentencepiece.bpe.model`, `tokenizer.model`), with `vocab.json` for M2M100; `source.spm`, `target.spm` and `vocab.json` for Marian;
 * `vocab.json` and `merges.txt` for BART. Ids are the same as in transformers 4.57.
 *
 * @throws SlmError INPUT_MISSING without these files, DATA_INVALID for invalid ones, OP_UNSUPPORTED for an unknown tokenizer class,
 * CONFIG_INVALID for a language that the model lacks.
 */
export async function readEncoderDecoderTokenizer(
  directory: string,
  tokens: EncoderDecoderTokens,
): Promise<TokenizerFiles> {
  const configPath = join(directory, TOKENIZER_CONFIG_FILE);
  const config = (await isThere(configPath)) ? await readJson(configPath, familyConfigSchema) : {};
  const family = familyOf(config.tokenizer_class ?? tokens.tokenizerClass, tokens.modelType);
  const jsonPath = join(directory, TOKENIZER_FILE);
  if (await isThere(jsonPath)) {
    const tokenizer = await readJson(jsonPath, tokenizerJsonSchema);
    const names = namedTokens(config, family, tokenizer, tokens, directory);
    const around =
      family?.isMultilingual === true ? family.around(config, names) : processorOf(tokenizer, jsonPath);
    return assembled({ tokenizer }, around, names, config, tokens);
  }
  if (family === undefined) throw unknownClass(directory, config, tokens);
  const names = namedTokens(config, family, undefined, tokens, directory);
  const around = family.around(config, names);
  const vocabulary = await readVocabulary(family.files, { directory, config, names, around });
  const languages = vocabulary.languages ?? around.languages;
  return assembled(
    vocabulary,
    languages === undefined ? around : { ...around, languages },
    names,
    config,
    tokens,
  );
}

/**
 * The tokenizer of a model in Marian's own format: one SentencePiece model for source and target. Texts end with EOS.
 *
 * @param vocabulary number of tokens of the model, including the decoder's start token
 * @throws SlmError INPUT_MISSING without the file, DATA_INVALID if it does not have the expected pieces
 */
export async function readMarianTokenizer(file: string, vocabulary: number): Promise<TokenizerFiles> {
  const names: NamedTokens = { pad: "<pad>", eos: "</s>", unknown: "<unk>", masks: [] };
  const around: Around = { prefix: [], suffix: [names.eos] };
  const files = { kind: "pieces", names: [basename(file)], ids: marianVocabulary } as const;
  const read = await readVocabulary(files, { directory: dirname(file), config: {}, names, around });
  const made = assembled(read, around, names, {}, { modelType: "marian", decoderStart: vocabulary - 1 });
  const texts = tokenTexts(made);
  if (texts.length === vocabulary && texts[0] === names.eos && texts[1] === names.unknown) return made;
  throw new SlmError(
    "DATA_INVALID",
    `tokenizer: ${file} has ${texts.length - 1} pieces, the first two ${texts.slice(0, 2).join(" ")}; the model needs ${vocabulary - 1}, the first two </s> <unk>`,
  );
}

/** A SentencePiece model that was read from another format. */
interface PieceSource {
  /** The file, for error messages. */
  readonly where: string;
  /** Pieces with their ids. */
  readonly pieces: readonly (Piece & { readonly id: number })[];
  /** Tokens that are not pieces. */
  readonly added: readonly { readonly id: number; readonly text: string }[];
  readonly byteFallback: boolean;
  readonly normalizer: NormalizerSpec;
  readonly names: Pick<NamedTokens, "pad" | "eos" | "unknown">;
  /** Special tokens after every text. */
  readonly suffix: readonly string[];
  readonly tokens: EncoderDecoderTokens;
}

/** Creates the tokenizer of a Unigram model in memory. @throws SlmError DATA_INVALID if the model is invalid */
export function pieceTokenizer(source: PieceSource): TokenizerFiles {
  const { where, pieces, normalizer, byteFallback, tokens } = source;
  const bytes = writeSentencePieceModel({
    type: "unigram",
    pieces,
    byteFallback,
    whitespaceIsSuffix: false,
    unknownText: UNKNOWN_TEXT,
    normalizer,
    denormalizer: { ...DEFAULT_NORMALIZER, addDummyPrefix: false },
  });
  const model = readSentencePieceModel(bytes, where);
  const around: Around = { prefix: [], suffix: source.suffix };
  const names: NamedTokens = { ...source.names, masks: [] };
  const vocabulary = {
    ids: new Map(pieces.map(({ text, id }) => [text, id])),
    added: [
      ...pieces.flatMap(({ text, type, id }) =>
        type === "control" || type === "unknown" ? [specialToken(id, text)] : [],
      ),
      ...source.added.map(({ id, text }) =>
        SENTINEL.test(text)
          ? specialToken(id, text, SENTINEL_SPACES)
          : { ...specialToken(id, text), special: false },
      ),
    ],
  };
  const read = withModel(model, vocabulary, { source: base64Text(bytes) }, { names, around });
  return assembled(read, around, names, {}, tokens);
}

function processorOf(tokenizer: TokenizerJson, path: string): Around {
  try {
    return aroundByProcessor(tokenizer.post_processor);
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    throw new SlmError("DATA_INVALID", `tokenizer: ${path}: the post_processor is invalid`, { cause });
  }
}

function unknownClass(directory: string, config: FamilyConfig, tokens: EncoderDecoderTokens): SlmError {
  const name = config.tokenizer_class ?? tokens.tokenizerClass ?? "none";
  return new SlmError(
    "OP_UNSUPPORTED",
    `tokenizer: ${directory} has no tokenizer.json, and slm cannot read the other files of class '${name}' (model type '${tokens.modelType}')`,
    {
      context: { directory, tokenizerClass: name, modelType: tokens.modelType },
      suggestions: [
        "save tokenizer.json with transformers: AutoTokenizer.from_pretrained(DIR).save_pretrained(DIR)",
      ],
    },
  );
}

/** Texts of the special tokens: from the configuration, otherwise by the model's ids, otherwise from the class. */
function namedTokens(
  config: FamilyConfig,
  family: Family | undefined,
  tokenizer: TokenizerJson | undefined,
  tokens: EncoderDecoderTokens,
  directory: string,
): NamedTokens {
  const texts = tokenizer === undefined ? [] : tokenTexts({ tokenizer });
  const byId = (id: number | undefined): string | undefined => (id === undefined ? undefined : texts[id]);
  const known = new Set(texts);
  const ofClass = (text: string | undefined): string | undefined =>
    tokenizer === undefined || (text !== undefined && known.has(text)) ? text : undefined;
  const defaults = family?.defaults;
  const eos = config.eos_token ?? byId(tokens.eos) ?? ofClass(defaults?.eos);
  if (eos === undefined) {
    throw new SlmError(
      "DATA_INVALID",
      `tokenizer: ${directory}: there is no eos_token, so generation would never end`,
    );
  }
  const pad = config.pad_token ?? byId(tokens.pad) ?? ofClass(defaults?.pad) ?? eos;
  const masks = [config.mask_token_sent, config.mask_token].filter(
    (mask) => mask !== undefined && mask !== null,
  );
  return {
    pad,
    bos: config.bos_token ?? ofClass(defaults?.bos),
    eos,
    unknown: config.unk_token ?? ofClass(defaults?.unknown) ?? pad,
    masks: masks.length > 0 ? masks : (defaults?.masks ?? []),
  };
}

/** Tokens that models learnt to fill gaps with. */
const SENTINEL = /^<extra_id_\d+>$/u;
/** Spaces next to these tokens belong to them. */
const SENTINEL_SPACES = { lstrip: true, rstrip: true };

function assembled(
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
