/** The Unigram model of a `tokenizer.json` whose normalizer and pre-tokenizer are those of published models. */
import { isDeepStrictEqual } from "node:util";
import { flagOf, inOrder, textOf, type Component } from "../components/component.js";
import { prependScheme } from "../components/pre-tokenizers.js";
import { specialNames } from "../files/special-names.js";
import type { TokenizerFiles, TokenizerJson } from "../files/tokenizer-files.js";
import { vocabularySize } from "../library/library-tokenizer.js";
import { createUnigram, isUnigram, UNKNOWN_PENALTY } from "../library/unigram.js";
import { SPACE } from "../sentencepiece/normalizer.js";
import { mapTable } from "../text/character-map.js";
import { base64Bytes } from "../text/utf8.js";
import { sourceLookup } from "./tokens-around.js";
import { LEAST_SCORE, type NoUnigram, type UnigramVocabulary } from "./unigram-form.js";

/** Undefined for other files. */
export function jsonUnigram(files: TokenizerFiles): UnigramVocabulary | NoUnigram | undefined {
  const { tokenizer, config } = files;
  const { model } = tokenizer;
  if (!isUnigram(model)) return undefined;
  const { tokens, unknownId } = createUnigram(model);
  const reason = reasonOf(files, tokens);
  if (reason !== undefined) return { reason };
  const words = wordsOf(tokenizer);
  if (words === undefined) return { reason: "its tokenizer.json splits or decodes texts in another way" };
  const idOf = sourceLookup(files);
  const isKept = config.unknown_text === "kept";
  if (unknownId === undefined || (!isKept && idOf(config.unk_token) !== unknownId))
    return { reason: "its tokenizer.json has no unknown token" };
  const scores = (model.vocab as readonly (readonly [string, number])[]).map(([, score]) => score);
  if (scores.some((score) => Math.fround(score) !== score || score < LEAST_SCORE))
    return { reason: "the scores of its tokenizer.json are not float32 numbers" };
  const special = specialNames(files);
  const names = new Set(special);
  return {
    rule: { words, isRounded: false, addsSpace: true, removesSpaces: true },
    pieces: tokens.flatMap((text, id) => (text === "" ? [] : [{ text, score: scores[id]!, id }])),
    unknown: {
      id: unknownId,
      score: scores.reduce((least, score) => Math.min(least, score)) - UNKNOWN_PENALTY,
      isKept,
      named: new Map(tokenizer.added_tokens.map(({ content, id }) => [content, id])),
      bytes: undefined,
    },
    map: mapOf(tokenizer),
    symbols: [],
    readsSign: false,
    opening: { text: "", tokens: 0 },
    codes: undefined,
    special,
    before: (config.source.prefix ?? []).map(idOf),
    after: (config.source.suffix ?? []).map(idOf),
    answer: Array.from({ length: vocabularySize(files) }, (_, id) => {
      const text = tokens[id];
      return text === undefined || names.has(text) ? { kind: "none" } : { kind: "piece", text };
    }),
    dropped: "one",
    trims: false,
  };
}

/** Why programs cannot run the files. */
function reasonOf(files: TokenizerFiles, tokens: readonly string[]): string | undefined {
  const { tokenizer, config } = files;
  const { source, languages, target } = config;
  if (languages !== undefined || target?.vocab !== undefined)
    return "its tokenizer needs the language of an answer";
  if (source.lowercase) return "its tokenizer lower-cases sources";
  if ((source.before ?? "") !== "" || source.after !== undefined) return "its tokenizer has a prompt";
  if (config.clean_up_tokenization_spaces === true) return "its tokenizer removes spaces from answers";
  if (tokenizer.model["byte_fallback"] === true)
    return "its tokenizer.json spells unknown characters in bytes";
  const ids = new Map(tokens.map((token, id) => [token, id]));
  if (ids.size < tokens.length || tokens.some((token) => token.includes(" ")))
    return "its tokenizer.json has a token twice, or a token with a space";
  const isPlain = ({ id, content, special, ...token }: TokenizerJson["added_tokens"][number]): boolean =>
    special === true &&
    token["normalized"] === false &&
    !content.includes(" ") &&
    !content.includes(SPACE) &&
    (ids.get(content) ?? id) === id &&
    (tokens[id] ?? content) === content;
  const marked = new Set(tokenizer.added_tokens.map(({ content }) => content));
  const { additional_special_tokens: more = [] } = config as Readonly<Record<string, unknown>>;
  const named = [...specialNames(files), ...(Array.isArray(more) ? (more as readonly unknown[]) : [])];
  if (
    !tokenizer.added_tokens.every(isPlain) ||
    named.some((name) => typeof name !== "string" || !marked.has(name))
  )
    return "its tokenizer.json has added tokens that are not special tokens";
  return undefined;
}

const STRIP = { type: "Strip", strip_left: false, strip_right: true };
const spaces = (content: string): object => ({ type: "Replace", pattern: { Regex: " {2,}" }, content });

/** How texts are split: at white space and before U+2581, or only before U+2581; undefined for other files. */
function wordsOf({ normalizer, pre_tokenizer: cut, decoder }: TokenizerJson): "white" | "spaces" | undefined {
  if (cut === null || !isMetaspace(decoder)) return undefined;
  const changes = normalizer === null ? [] : inOrder(normalizer, "normalizers");
  const rest = changes.filter(({ type }, index) => index > 0 || type !== "Precompiled");
  const cuts = inOrder(cut, "pretokenizers");
  if (!isMetaspace(cuts.at(-1) ?? null)) return undefined;
  const isAny = (...options: readonly (readonly object[])[]): boolean =>
    options.some((option) => isDeepStrictEqual(rest, option));
  const [joined, signed] = [spaces(" "), spaces(SPACE)];
  if (cuts.length === 1) return isAny([STRIP, joined], [STRIP, signed]) ? "spaces" : undefined;
  const isWhite = cuts.length === 2 && cuts[0]!.type === "WhitespaceSplit";
  return isWhite && isAny([], [joined]) ? "white" : undefined;
}

const isMetaspace = (component: Component | null): boolean =>
  component?.type === "Metaspace" &&
  (component["replacement"] ?? SPACE) === SPACE &&
  prependScheme(component) === "always" &&
  flagOf(component, "split", true);

function mapOf({ normalizer }: TokenizerJson): UnigramVocabulary["map"] {
  const first = normalizer === null ? undefined : inOrder(normalizer, "normalizers")[0];
  const bytes = base64Bytes(first?.type === "Precompiled" ? textOf(first, "precompiled_charsmap", "") : "");
  if (bytes === undefined || bytes.length === 0) return undefined;
  return { ...mapTable(bytes), rule: first!["match"] === "longest" ? "longest" : "graphemes" };
}
