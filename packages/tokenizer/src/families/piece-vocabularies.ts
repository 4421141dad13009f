/**
 * Ids of the pieces of a SentencePiece model in each tokenizer class: frameworks add their own tokens before or after the pieces.
 *
 * Source: transformers 4.57, `tokenization_t5.py`, `tokenization_mbart.py`, `tokenization_pegasus.py`, `tokenization_m2m_100.py`.
 */
import { SlmError } from "@slm/core";
import type { SentencePieceModel } from "../sentencepiece/model-proto.js";
import { specialToken, type AddedToken } from "./added-token.js";
import type { FamilyConfig } from "./external-config.js";

export interface PieceVocabulary {
  /** Id of each piece by its text. */
  readonly ids: ReadonlyMap<string, number>;
  /** Tokens that are not pieces, or that texts must not contain. */
  readonly added: readonly AddedToken[];
}

/** Default of `extra_ids`. */
const SENTINELS = 100;

/** T5: the pieces, then sentinels in descending order. */
export function t5Vocabulary({ pieces }: SentencePieceModel, config: FamilyConfig): PieceVocabulary {
  const listed = config.additional_special_tokens?.filter((token) => token.includes("<extra_id_")) ?? [];
  const extra = config.extra_ids ?? SENTINELS;
  const count = listed.length > 0 ? listed.length : extra;
  const sentinels = Array.from({ length: count }, (_, index) =>
    specialToken(pieces.length - 1 + extra - index, `<extra_id_${index}>`, { lstrip: true, rstrip: true }),
  ).filter(({ id }) => id >= pieces.length);
  return { ids: indexed(pieces), added: [...controls({ pieces }), ...sentinels] };
}

/** Ids of fairseq's own tokens, before the pieces. */
const FAIRSEQ_IDS = { "<s>": 0, "<pad>": 1, "</s>": 2, "<unk>": 3 } as const;

/** mBART, NLLB: fairseq's four tokens, the pieces from the fourth on, the languages, the mask. */
export function fairseqVocabulary(
  { pieces }: SentencePieceModel,
  languages: readonly string[],
  mask: string,
): PieceVocabulary {
  const fixed = new Map<string, number>(Object.entries(FAIRSEQ_IDS));
  const ids = new Map(pieces.map(({ text }, index) => [text, fixed.get(text) ?? index + 1]));
  const first = pieces.length + 1;
  const added = [
    ...[...fixed].map(([text, id]) => specialToken(id, text)),
    ...languages.map((code, index) => specialToken(first + index, code)),
    specialToken(first + languages.length, mask, { lstrip: true }),
  ];
  return { ids: new Map([...fixed, ...ids]), added };
}

/** Default of `offset`: ids before the pieces. */
const PEGASUS_OFFSET = 103;

/** Pegasus: padding, EOS, two masks, pre-training tokens, then the pieces. */
export function pegasusVocabulary({ pieces }: SentencePieceModel, config: FamilyConfig): PieceVocabulary {
  const offset = config.offset ?? PEGASUS_OFFSET;
  const front = [
    config.pad_token ?? "<pad>",
    config.eos_token ?? "</s>",
    ...(config.mask_token_sent === null
      ? []
      : [config.mask_token_sent ?? "<mask_1>", config.mask_token ?? "<mask_2>"]),
    ...Array.from({ length: Math.max(0, offset - 2) }, (_, index) => `<unk_${index + 2}>`),
  ];
  const taken = new Set(front);
  const ids = new Map(
    pieces.flatMap(({ text }, index) => (taken.has(text) ? [] : [[text, index + offset] as const])),
  );
  const unknown = pieces.findIndex(({ type }) => type === "unknown");
  return {
    ids: new Map([...ids, ...front.map((text, id) => [text, id] as const)]),
    added: [
      ...front.map((text, id) => specialToken(id, text)),
      ...(unknown < 0 ? [] : [specialToken(unknown + offset, pieces[unknown]!.text)]),
    ],
  };
}

/** Ids of a `vocab.json` (M2M100, Marian), and tokens after them. */
export function dictionaryVocabulary(
  dictionary: ReadonlyMap<string, number>,
  special: readonly string[],
  behind: readonly string[],
): PieceVocabulary {
  const known = special.map((text) => {
    const id = dictionary.get(text);
    if (id !== undefined) return specialToken(id, text);
    throw new SlmError("DATA_INVALID", `tokenizer: vocab.json does not contain the token ${text}`, {
      context: { token: text },
    });
  });
  return {
    ids: dictionary,
    added: [...known, ...behind.map((text, index) => specialToken(dictionary.size + index, text))],
  };
}

/** Gemma: the pieces, unchanged. */
export function plainVocabulary(model: SentencePieceModel): PieceVocabulary {
  return { ids: indexed(model.pieces), added: controls(model) };
}

/** Marian: the pieces, unchanged, then the decoder's start token, which is also the padding token. */
export function marianVocabulary(model: SentencePieceModel): PieceVocabulary {
  const { ids, added } = plainVocabulary(model);
  return { ids, added: [...added, specialToken(model.pieces.length, "<pad>")] };
}

function indexed(pieces: SentencePieceModel["pieces"]): ReadonlyMap<string, number> {
  return new Map(pieces.map(({ text }, index) => [text, index]));
}

/** Pieces that texts must not contain. */
function controls({ pieces }: Pick<SentencePieceModel, "pieces">): AddedToken[] {
  return pieces.flatMap(({ text, type }, id) =>
    type === "control" || type === "unknown" ? [specialToken(id, text)] : [],
  );
}
