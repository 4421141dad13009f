/** Byte-level BPE of slm and of published models in one form, for programs that run it without this package. */
import { isDeepStrictEqual } from "node:util";
import { specialNames } from "../files/special-names.js";
import { SPECIAL_NAMES } from "../files/special-tokens.js";
import type { TokenizerFiles, TokenizerJson } from "../files/tokenizer-files.js";
import { tokenPieces } from "../library/token-pieces.js";
import { inOrder, type Component } from "../components/component.js";
import type { SpaceRule } from "../text/split-patterns.js";
import { sourceLookup } from "./tokens-around.js";
import { trainedVocabulary, type BytePairs } from "./trained-vocabulary.js";

export interface ByteVocabulary extends BytePairs {
  /** Where texts are split: as slm trains; GPT-2's words; the same with every digit apart. */
  readonly split: SpaceRule | "words" | "digits";
  /** Texts of special tokens, which a source must not contain. */
  readonly special: readonly string[];
  /** Ids before and after every source. */
  readonly before: readonly number[];
  readonly after: readonly number[];
}

/**
 * The vocabulary of files with byte-level BPE that slm trains, or that splits texts as GPT-2 does (BART, SmolLM2); undefined for other files, and for
 * files that change texts, prompt for answers or need a language.
 */
export function byteVocabulary(files: TokenizerFiles): ByteVocabulary | undefined {
  const trained = trainedVocabulary(files);
  if (trained?.kind === "symbols" || trained?.sourceLowercase === true) return undefined;
  if (trained === undefined) return publishedBytes(files);
  const { tokens, merges, spaces } = trained;
  return { tokens, merges, split: spaces, special: SPECIAL_NAMES, before: [], after: [] };
}

function publishedBytes(files: TokenizerFiles): ByteVocabulary | undefined {
  const { tokenizer, config } = files;
  const { source, target, languages, sentencepiece } = config;
  const split = wordsOf(tokenizer.pre_tokenizer);
  const isPlain = tokenizer.normalizer === null && config.clean_up_tokenization_spaces !== true;
  const isBare = !source.lowercase && (source.before ?? "") === "" && source.after === undefined;
  const hasOther = [languages, sentencepiece, target?.vocab].some((part) => part !== undefined);
  if (split === undefined || tokenizer.decoder?.type !== "ByteLevel" || !isPlain || !isBare || hasOther)
    return undefined;
  const pairs = bytePairs(files);
  if (pairs === undefined) return undefined;
  const idOf = sourceLookup(files);
  const [before, after] = [source.prefix ?? [], source.suffix ?? []].map((tokens) => tokens.map(idOf));
  // A program has no text for a mask, which slm accepts.
  return { ...pairs, split, special: specialNames(files), before: before!, after: after! };
}

/** The rule of a pre-tokenizer, if it is GPT-2's: as `ByteLevel` has it, or as a pattern. */
function wordsOf(component: TokenizerJson["pre_tokenizer"]): "words" | "digits" | undefined {
  if (component === null) return undefined;
  const parts = [...inOrder(component, "pretokenizers")];
  const bytes = parts.pop();
  if (bytes?.type !== "ByteLevel" || bytes["add_prefix_space"] !== false) return undefined;
  if (bytes["use_regex"] === false && !isSplit(parts.pop(), GPT2)) return undefined;
  const [first, ...more] = parts;
  if (first === undefined) return "words";
  const areDigits = (first.type === "Digits" && first["individual_digits"] === true) || isSplit(first, DIGIT);
  return areDigits && more.length === 0 ? "digits" : undefined;
}

/** GPT-2's words, as files of tokenizers have them. */
const GPT2 = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const DIGIT = String.raw`\p{N}`;

const isSplit = (component: Component | undefined, Regex: string): boolean =>
  component?.type === "Split" &&
  isDeepStrictEqual(component["pattern"], { Regex }) &&
  component["behavior"] === "Isolated" &&
  component["invert"] !== true;

/** Settings of a BPE model that change its merges. */
const CHANGING = [
  "dropout",
  "continuing_subword_prefix",
  "end_of_word_suffix",
  "byte_fallback",
  "ignore_merges",
];

/** Tokens and merges; undefined if a token has no bytes or a merge no token. Bytes without a token are left out of texts. */
function bytePairs(files: TokenizerFiles): BytePairs | undefined {
  const { model, added_tokens: added } = files.tokenizer;
  const { merges } = model;
  if (model.type !== "BPE" || Array.isArray(model.vocab) || !Array.isArray(merges)) return undefined;
  if (CHANGING.some((key) => Boolean(model[key]))) return undefined;
  const ids = new Map(Object.entries(model.vocab as Readonly<Record<string, number>>));
  const pairs = merges.map((pair: unknown) => {
    const [left = "", right = ""] = typeof pair === "string" ? pair.split(" ") : (pair as readonly string[]);
    const idOf = (token: string): number => ids.get(token) ?? -1;
    return { left: idOf(left), right: idOf(right), merged: idOf(left + right) };
  });
  if (pairs.some((pair) => Object.values(pair).includes(-1))) return undefined;
  // Other programs decode the four tokens of the configuration as text if they are not marked.
  const marked = new Map(
    added.filter(({ special }) => special === true).map(({ content, id }) => [content, id]),
  );
  if (added.length > marked.size || specialNames(files).some((name) => !marked.has(name))) return undefined;
  const special = new Set(marked.values());
  const { bytes } = tokenPieces(files);
  if (bytes.some((text, id) => (text === undefined) !== special.has(id))) return undefined;
  return { tokens: bytes.map((text) => text ?? new Uint8Array()), merges: pairs };
}
