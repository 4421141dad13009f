/**
 * Runs a SentencePiece model: text to pieces and back, with the same results as the library's own processor.
 *
 * Source: SentencePiece 0.2.3, `model_interface.cc`, `unigram_model.cc`, `sentencepiece_processor.cc`.
 */
import { SlmError } from "@slm/core";
import { byteToken, BYTE_TOKENS } from "../text/byte-tokens.js";
import { utf8Bytes } from "../text/utf8.js";
import { bestPath, type Segment } from "./best-path.js";
import { invalidModel } from "./invalid-model.js";
import { mergePieces } from "./merge-pieces.js";
import type { ModelType, Piece, SentencePieceModel } from "./model-proto.js";
import { sentencePieceNormalizer, SPACE } from "./normalizer.js";
import { PieceTrie } from "./piece-trie.js";
import { prefixMatcher, type PrefixMatcher } from "./prefix-matcher.js";

export interface SentencePieceProcessor {
  /** Pieces of a text. Without byte fallback, adjacent unknown characters become one piece, which is not in the vocabulary. */
  readonly encode: (text: string) => string[];
  /** Text of pieces. Pieces that are not in the vocabulary are copied. */
  readonly decode: (pieces: readonly string[]) => string;
}

/** Score of an unknown character, relative to the worst piece. */
const UNKNOWN_PENALTY = 10;
/** Initial value of the minimum of scores: the largest float32. */
const LARGEST_SCORE = (2 - 2 ** -23) * 2 ** 127;
/** Sum of a path at which sums restart. */
const LARGEST_SUM = 100_000;

/**
 * @param where name of the file, for errors
 * @throws SlmError DATA_INVALID for a model with contradictory pieces; OP_UNSUPPORTED for a word or character model
 */
export function createProcessor(model: SentencePieceModel, where: string): SentencePieceProcessor {
  const { pieces, normalizer, denormalizer, byteFallback, whitespaceIsSuffix } = model;
  const byText = checkPieces(model, where);
  const symbols = prefixMatcher(pieces.filter(({ type }) => type === "user").map(({ text }) => text));
  const segment = SEGMENTERS[model.type](model, byText, symbols, where);
  const normalize = sentencePieceNormalizer(normalizer, { symbols, whitespaceIsSuffix });
  const denormalize =
    denormalizer.characterMap.length === 0
      ? undefined
      : sentencePieceNormalizer(denormalizer, { symbols: prefixMatcher([]), whitespaceIsSuffix: false });

  return {
    encode(text) {
      const normalized = normalize(text);
      const found: string[] = [];
      let unknownFrom = -1;
      const endUnknown = (at: number): void => {
        if (unknownFrom >= 0) found.push(normalized.slice(unknownFrom, at));
        unknownFrom = -1;
      };
      for (const { start, end, value } of segment(normalized)) {
        const isUnknown = value < 0 || pieces[value]!.type === "unknown";
        if (isUnknown && !byteFallback) {
          if (unknownFrom < 0) unknownFrom = start;
          continue;
        }
        endUnknown(start);
        const piece = normalized.slice(start, end);
        if (isUnknown) found.push(...Array.from(utf8Bytes(piece), byteToken));
        else found.push(piece);
      }
      endUnknown(normalized.length);
      return found;
    },
    decode(tokens) {
      const text = joined(tokens, model, byText);
      return denormalize === undefined ? text : denormalize(text);
    },
  };
}

/** Index of each piece by its text. @throws SlmError DATA_INVALID if SentencePiece would reject the model */
function checkPieces(
  { pieces, byteFallback }: SentencePieceModel,
  where: string,
): ReadonlyMap<string, number> {
  const byText = new Map<string, number>();
  let unknown = 0;
  for (const [index, { text, type }] of pieces.entries()) {
    if (byText.has(text)) throw invalidModel(where, `the piece ${JSON.stringify(text)} occurs twice`);
    byText.set(text, index);
    if (type === "unknown") unknown++;
    if (type === "byte" && (!byteFallback || !BYTE_TOKENS.includes(text)))
      throw invalidModel(where, `${JSON.stringify(text)} cannot be the piece of a byte`);
  }
  if (unknown !== 1) throw invalidModel(where, `it has ${unknown} unknown pieces, expected 1`);
  const lacking = byteFallback
    ? BYTE_TOKENS.find((token) => pieces[byText.get(token) ?? -1]?.type !== "byte")
    : undefined;
  if (lacking !== undefined) throw invalidModel(where, `it has no piece ${lacking}`);
  return byText;
}

/** Segments of a normalized text; values are indices of pieces. */
type Segmenter = (text: string) => readonly Segment[];

const SEGMENTERS: Readonly<
  Record<
    ModelType,
    (
      model: SentencePieceModel,
      byText: ReadonlyMap<string, number>,
      symbols: PrefixMatcher,
      where: string,
    ) => Segmenter
  >
> = {
  unigram(model) {
    const { indices, scores, unknownScore } = unigramPieces(model);
    const scored = {
      trie: new PieceTrie(indices),
      scores,
      unknownScore,
      rounded: Math.fround,
      largestSum: LARGEST_SUM,
    };
    return (text) => bestPath(text, scored);
  },
  bpe({ pieces }, byText, symbols) {
    const isMergeable = ({ type }: Piece): boolean =>
      type === "normal" || type === "user" || type === "unused";
    const indices = new Map([...byText].filter(([, index]) => isMergeable(pieces[index]!)));
    const scores = Float32Array.from(pieces, ({ score }) => score);
    const isUnused = (index: number): boolean => pieces[index]!.type === "unused";
    return (text) => mergePieces(text, { indices, scores, isUnused, symbols });
  },
  word: (_, __, ___, where) => rejectType("word", where),
  char: (_, __, ___, where) => rejectType("character", where),
};

/** The pieces that a Unigram model splits texts into. */
export interface UnigramPieces {
  /** Index of each piece by its text. */
  readonly indices: ReadonlyMap<string, number>;
  /** By index. */
  readonly scores: Float64Array;
  /** Score of a character that is not a piece. */
  readonly unknownScore: number;
}

export function unigramPieces({ pieces }: SentencePieceModel): UnigramPieces {
  const least = pieces.reduce(
    (lowest, { type, score }) => (type === "normal" ? Math.min(lowest, score) : lowest),
    LARGEST_SCORE,
  );
  const isFound = ({ type }: Piece): boolean => type === "normal" || type === "user";
  return {
    indices: new Map(
      pieces.flatMap((piece, index) => (isFound(piece) ? [[piece.text, index] as const] : [])),
    ),
    scores: Float64Array.from(pieces, unigramScore),
    unknownScore: Math.fround(least - UNKNOWN_PENALTY),
  };
}

/** Scores user-defined symbols so that they win against the pieces inside them. */
function unigramScore({ text, type, score }: Piece): number {
  return type === "user" ? Math.fround(0.1 * (utf8Bytes(text).length - 1)) : score;
}

function rejectType(what: string, where: string): never {
  throw new SlmError(
    "OP_UNSUPPORTED",
    `tokenizer: ${where}: a ${what} model is not supported; unigram and bpe models are`,
    { context: { where } },
  );
}

/** Text of pieces, before the inverse normalization. */
function joined(
  tokens: readonly string[],
  { pieces, normalizer, unknownText }: SentencePieceModel,
  byText: ReadonlyMap<string, number>,
): string {
  const dropsSpace = normalizer.addDummyPrefix || normalizer.removeExtraWhitespaces;
  let text = "";
  let bytes: number[] = [];
  /** Whether a space here is the dummy prefix. */
  let isBegin = true;
  let hasDropped = false;
  const endBytes = (): void => {
    text += textOfBytes(bytes);
    bytes = [];
  };
  for (const token of tokens) {
    const type = pieces[byText.get(token) ?? -1]?.type;
    if (type === "byte") {
      bytes.push(Number.parseInt(token.slice(3, 5), 16));
      continue;
    }
    endBytes();
    if (hasDropped || text !== "") isBegin = false;
    hasDropped = false;
    if (type === "control") continue;
    if (type === undefined) text += token;
    else if (type === "unknown") text += unknownText;
    else {
      const isPrefix = isBegin && dropsSpace && token.startsWith(SPACE);
      text += (isPrefix ? token.slice(1) : token).replaceAll(SPACE, " ");
      // If extra spaces are removed, all leading spaces are.
      hasDropped = isPrefix && !normalizer.removeExtraWhitespaces;
    }
  }
  endBytes();
  return text;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Length of a character in bytes, by the upper half of its first byte. */
const CHARACTER_BYTES = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4] as const;

/** Text of byte pieces; each byte that is not part of a valid character becomes U+FFFD. */
function textOfBytes(bytes: readonly number[]): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = CHARACTER_BYTES[bytes[at]! >> 4]!;
    const character = decoded(bytes.slice(at, at + length));
    text += character ?? "\ufffd";
    at += character === undefined ? 1 : length;
  }
  return text;
}

/** The character of some bytes; undefined if they are not valid UTF-8. */
function decoded(bytes: readonly number[]): string | undefined {
  try {
    return utf8.decode(Uint8Array.from(bytes));
  } catch {
    return undefined;
  }
}
