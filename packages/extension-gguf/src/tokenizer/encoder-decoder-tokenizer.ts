/**
 * The tokenizer of an encoder-decoder's file. It rebuilds the SentencePiece model, so that texts are split as in the published class.
 *
 * llama.cpp's converter writes T5's pieces and fills the rest of the vocabulary with unused tokens. The sentinels (`<extra_id_0>`) among them
 * get their names back: files contain the names only if the published directory had an added_tokens.json.
 *
 * Source: llama.cpp, `conversion/t5.py`; transformers 4.57, `tokenization_t5.py`.
 */
import { pieceTokenizer, type EncoderDecoderTokens, type Piece, type TokenizerFiles } from "@slm/tokenizer";
import type { GgufFile } from "../file/gguf-file.js";
import { invalid } from "../file/invalid.js";
import { shownName } from "@slm/checkpoints";
import { T5_DEFAULTS } from "./gguf-tokenizer.js";
import { characterMapBytes } from "./unigram.js";
import { byteTokens, flag, readVocabulary, scoresOf, type Vocabulary } from "./vocabulary.js";

/** Sentinels of the published class. */
const SENTINELS = 100;

type Type = Vocabulary["types"][number];

/** SentencePiece's type of each token type. */
const PIECE_TYPES: Readonly<Record<Exclude<Type, "user">, Piece["type"]>> = {
  undefined: "normal",
  normal: "normal",
  unknown: "unknown",
  control: "control",
  unused: "unused",
  byte: "byte",
};

/**
 * @throws SlmError DATA_INVALID for a vocabulary that is invalid or of another kind
 */
export function ggufPieceTokenizer(source: GgufFile, tokens: EncoderDecoderTokens): TokenizerFiles {
  const { file, metadata } = source;
  const kind = metadata.get("tokenizer.ggml.model");
  if (kind !== "t5") {
    const got = kind === undefined ? "missing" : `'${shownName(String(kind))}'`;
    throw invalid(file, `tokenizer.ggml.model is ${got}, expected t5`);
  }
  const vocabulary = readVocabulary(source, T5_DEFAULTS);
  const { eos_token: eos, unk_token: unknown, pad_token: pad } = vocabulary.special;
  if (eos === undefined || unknown === undefined || pad === undefined)
    throw invalid(file, "the vocabulary needs an EOS, an unknown and a padding token");
  const scores = scoresOf(source, vocabulary);
  const end = piecesEnd(vocabulary);
  const pieces = vocabulary.tokens.flatMap((text, id): (Piece & { readonly id: number })[] => {
    const type = vocabulary.types[id]!;
    return id < end && type !== "user" ? [{ id, text, score: scores[id]!, type: PIECE_TYPES[type] }] : [];
  });
  const addsPrefix = flag(source, "add_space_prefix", false);
  return pieceTokenizer({
    where: file,
    pieces,
    added: addedTokens(vocabulary, end),
    byteFallback: byteTokens(source, vocabulary),
    normalizer: {
      characterMap: characterMapBytes(source),
      addDummyPrefix: addsPrefix,
      removeExtraWhitespaces: flag(source, "remove_extra_whitespaces", false),
      escapeWhitespaces: true,
    },
    names: { pad, eos, unknown },
    suffix: flag(source, "add_eos_token", true) ? [eos] : [],
    tokens,
  });
}

/** End of the SentencePiece model: unused and added tokens fill the rest of the vocabulary. */
const piecesEnd = ({ types }: Vocabulary): number =>
  types.findLastIndex((type) => type !== "unused" && type !== "user") + 1;

/** Tokens that are not pieces: those that the file names, or the sentinels if it names none and has room for all of them. */
function addedTokens(
  { tokens, types }: Vocabulary,
  end: number,
): { readonly id: number; readonly text: string }[] {
  const named = tokens.flatMap((text, id) => (types[id] === "user" ? [{ id, text }] : []));
  if (named.length > 0 || tokens.length - end < SENTINELS) return named;
  return Array.from({ length: SENTINELS }, (_, index) => ({
    id: end + SENTINELS - 1 - index,
    text: `<extra_id_${index}>`,
  }));
}
