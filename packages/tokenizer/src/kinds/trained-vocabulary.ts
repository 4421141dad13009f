/** Reads back the vocabulary of a tokenizer that slm trained, for programs that run it without this package. */
import { isDeepStrictEqual } from "node:util";
import { SPECIAL_NAMES } from "../files/special-tokens.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import { bpeFiles } from "../learn/bpe-files.js";
import { symbolTokenizerFiles } from "../learn/symbol-files.js";
import { tokenPieces } from "../library/token-pieces.js";
import { BYTE_ALPHABET } from "../text/byte-symbols.js";
import { SPLITS, type SpaceRule } from "../text/split-patterns.js";
import { symbolVocabularyOf } from "./symbol-tokenizer.js";

/** The first ids of both kinds are the special tokens, in the order of `SPECIAL_TOKENS`. */
export type TrainedVocabulary =
  | {
      readonly kind: "symbols";
      /** Characters of sources, from the first id after the special tokens. */
      readonly source: readonly string[];
      /** Symbols of targets, from the id after the last character. */
      readonly target: readonly string[];
      readonly sourceLowercase: boolean;
    }
  | ({
      readonly kind: "bpe";
      readonly spaces: SpaceRule;
      readonly sourceLowercase: boolean;
    } & BytePairs);

/** The tokens of byte-level BPE. */
export interface BytePairs {
  /** Bytes of each id; none for special tokens. */
  readonly tokens: readonly Uint8Array[];
  /** Ids of pairs and of the tokens that they become, in merge order. */
  readonly merges: readonly { readonly left: number; readonly right: number; readonly merged: number }[];
}

/**
 * The vocabulary of files that are exactly as slm writes them; undefined for others, such as those of published models.
 *
 * @throws SlmError DATA_INVALID for files that declare a symbol tokenizer and are not one
 */
export function trainedVocabulary(files: TokenizerFiles): TrainedVocabulary | undefined {
  return files.config.source.symbols === undefined ? bpeOf(files) : symbolsOf(files);
}

function symbolsOf(files: TokenizerFiles): TrainedVocabulary | undefined {
  const { symbols: source, target, lowercase: sourceLowercase } = symbolVocabularyOf(files);
  const vocabulary = { source, target, sourceLowercase };
  const { config } = symbolTokenizerFiles(vocabulary);
  return isDeepStrictEqual(files.config, config) ? { kind: "symbols", ...vocabulary } : undefined;
}

function bpeOf(files: TokenizerFiles): TrainedVocabulary | undefined {
  const { vocab, merges } = files.tokenizer.model;
  if (Array.isArray(vocab) || !isTexts(merges)) return undefined;
  const tokens = Object.entries(vocab as Readonly<Record<string, number>>)
    .sort(([, left], [, right]) => left - right)
    .map(([token]) => token);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  const first = [...SPECIAL_NAMES, ...BYTE_ALPHABET];
  if (!isDeepStrictEqual(tokens.slice(0, first.length), first)) return undefined;
  const pairs = merges.map((pair): readonly [string, string] => {
    const space = pair.indexOf(" ");
    return [pair.slice(0, space), pair.slice(space + 1)];
  });
  const sourceLowercase = files.config.source.lowercase;
  const spaces = SPLITS.find((rule) =>
    isDeepStrictEqual(files, bpeFiles({ tokens, merges: pairs }, rule, sourceLowercase)),
  );
  const merged = pairs.map(([left, right]) => ({
    left: ids.get(left) ?? -1,
    right: ids.get(right) ?? -1,
    merged: ids.get(left + right) ?? -1,
  }));
  if (spaces === undefined || merged.some((pair) => Object.values(pair).includes(-1))) return undefined;
  const bytes = tokenPieces(files).bytes.map((piece) => piece ?? new Uint8Array());
  return { kind: "bpe", tokens: bytes, merges: merged, spaces, sourceLowercase };
}

const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");
