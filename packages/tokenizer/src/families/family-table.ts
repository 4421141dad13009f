/** The tokenizer classes of published encoder-decoders, with their files, their ids and the tokens around texts. */
import type { SentencePieceModel } from "../sentencepiece/model-proto.js";
import type { Around } from "./around.js";
import type { FamilyConfig } from "./external-config.js";
import {
  M2M100_LANGUAGES,
  MBART_50_LANGUAGES,
  MBART_LANGUAGES,
  NLLB_LANGUAGES,
  WMT21_LANGUAGES,
} from "./language-codes.js";
import {
  fairseqVocabulary,
  pegasusVocabulary,
  plainVocabulary,
  t5Vocabulary,
  type PieceVocabulary,
} from "./piece-vocabularies.js";

/** Special tokens of a class, for directories without them in `tokenizer_config.json`. */
interface DefaultTokens {
  readonly pad: string;
  /** Absent if the class has none. */
  readonly bos?: string | undefined;
  readonly eos: string;
  readonly unknown: string;
  readonly masks: readonly string[];
}

/** Texts of the special tokens of a directory. */
export type NamedTokens = DefaultTokens;

export interface Family {
  readonly defaults: DefaultTokens;
  /** How to read the files if there is no `tokenizer.json`. */
  readonly files: FamilyFiles;
  /** Undefined: use the post-processor of `tokenizer.json`. */
  readonly around: (config: FamilyConfig, names: NamedTokens) => Around;
  /** Whether the class decides the tokens around texts even with a `tokenizer.json`, because they depend on the languages. */
  readonly isMultilingual: boolean;
}

type PieceIds = (model: SentencePieceModel, config: FamilyConfig, names: NamedTokens) => PieceVocabulary;

export type FamilyFiles =
  /** A SentencePiece model with one of these names. */
  | { readonly kind: "pieces"; readonly names: readonly string[]; readonly ids: PieceIds }
  /** A SentencePiece model, and ids in `vocab.json`, followed by language tokens. */
  | {
      readonly kind: "dictionary";
      readonly names: readonly string[];
      readonly languages: (config: FamilyConfig) => readonly string[];
    }
  /** `source.spm`, `target.spm` and `vocab.json`, with `target_vocab.json` if targets have their own vocabulary. */
  | { readonly kind: "pair" }
  /** Byte-level BPE in `vocab.json` and `merges.txt`. */
  | { readonly kind: "bytes" };

const SPIECE = ["spiece.model"];
const BPE_MODEL = ["sentencepiece.bpe.model"];
const FAIRSEQ: DefaultTokens = { pad: "<pad>", bos: "<s>", eos: "</s>", unknown: "<unk>", masks: ["<mask>"] };
const T5: DefaultTokens = { pad: "<pad>", eos: "</s>", unknown: "<unk>", masks: [] };

const ended = (_: FamilyConfig, { eos }: NamedTokens): Around => ({ prefix: [], suffix: [eos] });

const underscored = (codes: readonly string[]): Record<string, string> =>
  Object.fromEntries(codes.map((code) => [code, `__${code}__`]));
const asWritten = (codes: readonly string[]): Record<string, string> =>
  Object.fromEntries(codes.map((code) => [code, code]));
const m2mCodes = ({ language_codes: set }: FamilyConfig): readonly string[] =>
  set === "wmt21" ? WMT21_LANGUAGES : M2M100_LANGUAGES;

const FAMILIES: Readonly<Record<string, Family>> = {
  T5Tokenizer: {
    defaults: T5,
    files: { kind: "pieces", names: SPIECE, ids: t5Vocabulary },
    around: ended,
    isMultilingual: false,
  },
  PegasusTokenizer: {
    defaults: { ...T5, masks: ["<mask_1>", "<mask_2>"] },
    files: { kind: "pieces", names: SPIECE, ids: pegasusVocabulary },
    around: ended,
    isMultilingual: false,
  },
  GemmaTokenizer: {
    defaults: { pad: "<pad>", bos: "<bos>", eos: "<eos>", unknown: "<unk>", masks: [] },
    files: { kind: "pieces", names: ["tokenizer.model"], ids: plainVocabulary },
    around: (config, { bos, eos }) => ({
      prefix: config.add_bos_token === false || bos === undefined ? [] : [bos],
      suffix: config.add_eos_token === true ? [eos] : [],
    }),
    isMultilingual: false,
  },
  MBartTokenizer: {
    defaults: FAIRSEQ,
    files: {
      kind: "pieces",
      names: BPE_MODEL,
      ids: (model, _, { masks }) => fairseqVocabulary(model, MBART_LANGUAGES, masks[0]!),
    },
    around: (_, { eos }) => ({
      prefix: [],
      suffix: [eos],
      languages: {
        tokens: asWritten(MBART_LANGUAGES),
        place: "after",
        begins: "decoder_start",
        source: "en_XX",
      },
    }),
    isMultilingual: true,
  },
  MBart50Tokenizer: {
    defaults: FAIRSEQ,
    files: {
      kind: "pieces",
      names: BPE_MODEL,
      ids: (model, _, { masks }) => fairseqVocabulary(model, MBART_50_LANGUAGES, masks[0]!),
    },
    around: (_, { eos }) => ({
      prefix: [],
      suffix: [eos],
      languages: {
        tokens: asWritten(MBART_50_LANGUAGES),
        place: "before",
        begins: "forced_bos",
        source: "en_XX",
      },
    }),
    isMultilingual: true,
  },
  NllbTokenizer: {
    defaults: FAIRSEQ,
    files: {
      kind: "pieces",
      names: BPE_MODEL,
      ids: (model, _, { masks }) => fairseqVocabulary(model, NLLB_LANGUAGES, masks[0]!),
    },
    around: ({ legacy_behaviour: isLegacy }, { eos }) => ({
      prefix: [],
      suffix: [eos],
      languages: {
        tokens: asWritten(NLLB_LANGUAGES),
        place: isLegacy === true ? "after" : "before",
        begins: "forced_bos",
        source: "eng_Latn",
      },
    }),
    isMultilingual: true,
  },
  M2M100Tokenizer: {
    defaults: { ...FAIRSEQ, masks: [] },
    files: {
      kind: "dictionary",
      names: BPE_MODEL,
      languages: (config) => Object.values(underscored(m2mCodes(config))),
    },
    around: (config, { eos }) => ({
      prefix: [],
      suffix: [eos],
      languages: {
        tokens: underscored(m2mCodes(config)),
        place: "before",
        begins: "forced_bos",
        source: "en",
      },
    }),
    isMultilingual: true,
  },
  MarianTokenizer: { defaults: T5, files: { kind: "pair" }, around: ended, isMultilingual: false },
  BartTokenizer: {
    defaults: FAIRSEQ,
    files: { kind: "bytes" },
    around: (_, { bos, eos }) => ({ prefix: bos === undefined ? [] : [bos], suffix: [eos] }),
    isMultilingual: false,
  },
};

/** The class of each model type, for directories that name no class. */
const CLASSES: Readonly<Record<string, string>> = {
  t5: "T5Tokenizer",
  mt5: "T5Tokenizer",
  umt5: "T5Tokenizer",
  longt5: "T5Tokenizer",
  bart: "BartTokenizer",
  mbart: "MBartTokenizer",
  pegasus: "PegasusTokenizer",
  marian: "MarianTokenizer",
  m2m_100: "M2M100Tokenizer",
  t5gemma: "GemmaTokenizer",
  t5gemma2: "GemmaTokenizer",
};

/** Other names of the classes above. */
const ALIASES: Readonly<Record<string, string>> = { MT5Tokenizer: "T5Tokenizer" };

/**
 * The entry of a class. If the table does not contain the class (`PreTrainedTokenizerFast`), the entry of the model type; undefined if it has
 * neither.
 *
 * @param className with or without `Fast`
 */
export function familyOf(className: string | undefined, modelType: string): Family | undefined {
  const bare = className?.replace(/Fast$/u, "") ?? "";
  const name = Object.hasOwn(ALIASES, bare) ? ALIASES[bare]! : bare;
  if (Object.hasOwn(FAMILIES, name)) return FAMILIES[name];
  const byType = Object.hasOwn(CLASSES, modelType) ? CLASSES[modelType] : undefined;
  return byType === undefined ? undefined : FAMILIES[byType];
}
