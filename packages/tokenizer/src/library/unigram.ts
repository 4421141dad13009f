/**
 * The Unigram model of a `tokenizer.json`, with the same results as the native library. `@huggingface/tokenizers` needs a tree of objects for
 * it, merges unknown characters across words, and does not support byte fallback.
 *
 * Source: Hugging Face `tokenizers` 0.22, `models/unigram/model.rs`.
 */
import { reject } from "../patterns/reject.js";
import { bestPath, type Segment } from "../sentencepiece/best-path.js";
import { byteToken } from "../text/byte-tokens.js";
import { MAX_PIECE_LENGTH } from "../sentencepiece/model-proto.js";
import { PieceTrie } from "../sentencepiece/piece-trie.js";
import { utf8Bytes } from "../text/utf8.js";
import type { TokenizerJson } from "../files/tokenizer-files.js";

/** Score of an unknown character, relative to the worst token. */
export const UNKNOWN_PENALTY = 10;

export interface Unigram {
  /** Tokens by id. */
  readonly tokens: readonly string[];
  readonly unknownId: number | undefined;
  /** Tokens of a word; those that are not in the vocabulary are unknown. @throws SlmError DATA_INVALID if there is no unknown token */
  readonly encode: (word: string) => string[];
}

export function isUnigram({ type, vocab }: TokenizerJson["model"]): boolean {
  return type === "Unigram" || (type === undefined && Array.isArray(vocab));
}

/** @throws SlmError DATA_INVALID if the vocabulary or the unknown token is invalid */
export function createUnigram(model: TokenizerJson["model"]): Unigram {
  const { vocab } = model;
  if (!isScored(vocab) || vocab.length === 0)
    throw reject("Unigram needs a list of [token, score] in 'vocab'");
  const tokens = vocab.map(([token]) => token);
  const long = tokens.find((token) => token.length > MAX_PIECE_LENGTH);
  if (long !== undefined)
    throw reject(`Unigram has a token of ${long.length} characters, expected at most ${MAX_PIECE_LENGTH}`);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const unknownId = idOf(model["unk_id"], tokens.length);
  const scores = Float64Array.from(vocab, ([, score]) => score);
  const pieces = {
    trie: new PieceTrie(new Map([...ids].filter(([token]) => token !== ""))),
    scores,
    unknownScore: scores.reduce((least, score) => Math.min(least, score), Infinity) - UNKNOWN_PENALTY,
    rounded: (sum: number) => sum,
  };
  const spellsBytes = model["byte_fallback"] === true;
  const isUnknown = ({ value }: Segment): boolean => value < 0 || value === unknownId;

  const spell = (text: string): string[] => {
    if (ids.has(text)) return [text];
    const bytes = spellsBytes ? Array.from(utf8Bytes(text), byteToken) : [];
    if (bytes.length > 0 && bytes.every((byte) => ids.has(byte))) return bytes;
    if (unknownId !== undefined) return [text];
    throw reject("Unigram has no unk_id, which the text needs");
  };

  return {
    tokens,
    unknownId,
    encode(word) {
      const found: string[] = [];
      let unknownFrom = -1;
      for (const segment of bestPath(word, pieces)) {
        if (isUnknown(segment)) {
          // Adjacent unknown characters become one token.
          if (unknownFrom < 0) unknownFrom = segment.start;
          continue;
        }
        if (unknownFrom >= 0) found.push(...spell(word.slice(unknownFrom, segment.start)));
        unknownFrom = -1;
        found.push(word.slice(segment.start, segment.end));
      }
      if (unknownFrom >= 0) found.push(...spell(word.slice(unknownFrom)));
      return found;
    },
  };
}

function isScored(vocab: TokenizerJson["model"]["vocab"]): vocab is readonly (readonly [string, number])[] {
  return Array.isArray(vocab);
}

function idOf(value: unknown, size: number): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < size) return value;
  throw reject(`Unigram has the unk_id ${JSON.stringify(value)}, expected 0 to ${size - 1}`);
}
