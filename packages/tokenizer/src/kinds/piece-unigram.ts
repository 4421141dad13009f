/** The Unigram tokenizers of SentencePiece models, as T5, Pegasus and Marian have them. */
import { rejectedNames, specialNames } from "../files/special-names.js";
import type { TokenizerFiles } from "../files/tokenizer-files.js";
import type { SentencePieceModel } from "../sentencepiece/model-proto.js";
import { sentencePieceNormalizer, SPACE } from "../sentencepiece/normalizer.js";
import { prefixMatcher } from "../sentencepiece/prefix-matcher.js";
import { createProcessor, unigramPieces } from "../sentencepiece/processor.js";
import { byteToken } from "../text/byte-tokens.js";
import { characterMap, isKeyStart, mapTable, type MapTable } from "../text/character-map.js";
import { utf8Bytes } from "../text/utf8.js";
import { openSides } from "./piece-sides.js";
import { sourceLookup, tokensAroundSource } from "./tokens-around.js";
import { LEAST_SCORE, type NoUnigram, type TokenText, type UnigramVocabulary } from "./unigram-form.js";

/** Undefined for files without SentencePiece models. */
export function pieceUnigram(files: TokenizerFiles): UnigramVocabulary | NoUnigram | undefined {
  const { tokenizer, config } = files;
  const { sentencepiece: settings, languages, source: around } = config;
  if (settings === undefined) return undefined;
  const { source, target, ofSource, ofTarget } = openSides(files, settings);
  const { model } = ofSource;
  if (languages !== undefined && languages.begins !== "source")
    return { reason: "its tokenizer needs the language of an answer" };
  if (around.lowercase) return { reason: "its tokenizer lower-cases sources" };
  const unusual = unusualPart(model) ?? (ofTarget === ofSource ? undefined : unusualPart(ofTarget.model));
  if (unusual !== undefined) return { reason: unusual };
  const { indices, scores, unknownScore } = unigramPieces(model);
  // SentencePiece finds no piece with a space, because normalized texts have none.
  const texts = [...indices.keys()].filter((text) => !text.includes(" "));
  const idOf = (text: string): number => source.ids.get(text) ?? source.unknown;
  if (model.byteFallback && !indices.has(SPACE)) return { reason: "its tokenizer has no piece for a space" };
  const bytes = model.normalizer.characterMap;
  const map = bytes.length === 0 ? undefined : mapTable(bytes);
  const symbols = model.pieces.filter(({ type }) => type === "user").map(({ text }) => text);
  const isOpened = settings.one_prefix === true;
  if (isOpened && !isApart(config.unk_token, map, symbols))
    return { reason: "its tokenizer has symbols or replacements of spaces" };
  const allowed = new Set(config.text_tokens);
  const masks = tokenizer.added_tokens.map(({ content }) => content).filter((text) => allowed.has(text));
  const tokensAround = tokensAroundSource(config);
  const sourceIds = sourceLookup(files);
  const { addDummyPrefix, removeExtraWhitespaces } = ofTarget.model.normalizer;
  return {
    rule: {
      words: "whole",
      isRounded: true,
      addsSpace: !isOpened && model.normalizer.addDummyPrefix,
      removesSpaces: model.normalizer.removeExtraWhitespaces,
    },
    pieces: texts.map((text) => ({ text, score: scores[indices.get(text)!]!, id: idOf(text) })),
    unknown: {
      id: source.unknown,
      score: unknownScore,
      isKept: config.unknown_text === "kept",
      named: namedUnknown(new Set(texts), source.ids),
      bytes: model.byteFallback ? Array.from({ length: 256 }, (_, byte) => idOf(byteToken(byte))) : undefined,
    },
    map: map === undefined ? undefined : { ...map, rule: "longest" },
    symbols,
    readsSign: isOpened,
    opening: isOpened ? openingOf(model, config.unk_token, symbols) : { text: "", tokens: 0 },
    codes:
      settings.leading_code === true
        ? new Map([...source.ids].filter(([text]) => text.startsWith(">>") && isCode(text)))
        : undefined,
    // A program has no text for a mask, which slm accepts.
    special: [...new Set([...rejectedNames(files), ...masks])],
    before: tokensAround.before.map(sourceIds),
    after: tokensAround.after.map(sourceIds),
    answer: answerTexts(target.texts, ofTarget.model, new Set(specialNames(files))),
    dropped: removeExtraWhitespaces ? "all" : addDummyPrefix ? "one" : "none",
    trims: addDummyPrefix || removeExtraWhitespaces,
  };
}

const isCode = (text: string): boolean => text.indexOf("<<") === text.length - 2;

/** A part of a model that programs do not have. */
function unusualPart({
  type,
  pieces,
  normalizer,
  denormalizer,
  whitespaceIsSuffix,
}: SentencePieceModel): string | undefined {
  if (type !== "unigram") return `its SentencePiece model is of type ${type}, not unigram`;
  if (whitespaceIsSuffix || !normalizer.escapeWhitespaces)
    return "its SentencePiece model has spaces after words, or spaces that are not escaped";
  if (denormalizer.characterMap.length > 0)
    return "its SentencePiece model changes the characters of answers";
  if (pieces.some(({ score }) => score < LEAST_SCORE)) return `its scores are below ${LEAST_SCORE}`;
  return undefined;
}

/** The tokens that consist of characters that are not pieces. */
function namedUnknown(
  pieces: ReadonlySet<string>,
  ids: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const isUnknown = (text: string): boolean =>
    !pieces.has(text) && Array.from(text).every((character) => !pieces.has(character));
  return new Map([...ids].filter(([text]) => isUnknown(text)));
}

/** Whether nothing that is replaced, and no symbol, has the space that {@link openingOf} puts in front of texts and anything next to it. */
function isApart(unknown: string, map: MapTable | undefined, symbols: readonly string[]): boolean {
  if (symbols.some((symbol) => symbol.includes(SPACE) || symbol.includes(" "))) return false;
  if (map === undefined) return true;
  const space = [...utf8Bytes(SPACE)];
  const ends = Array.from(unknown, (_, at) => [...utf8Bytes(unknown.slice(at)), ...space]);
  const starts = Array.from({ length: 0xff }, (_, index) => [...space, index + 1]);
  return ![...ends, ...starts].some((bytes) => isKeyStart(map, bytes));
}

/** What T5 without `legacy` puts in front of texts, so that their spaces stay: the unknown token and a space. */
function openingOf(
  model: SentencePieceModel,
  unknown: string,
  symbols: readonly string[],
): UnigramVocabulary["opening"] {
  const normalizer = { ...model.normalizer, addDummyPrefix: false };
  const normalize = sentencePieceNormalizer(normalizer, {
    symbols: prefixMatcher(symbols),
    whitespaceIsSuffix: false,
  });
  const { encode } = createProcessor({ ...model, normalizer }, "sentencepiece");
  const space = normalizer.characterMap.length === 0 ? SPACE : characterMap(normalizer.characterMap)(SPACE);
  return { text: `${normalize(unknown)}${space}`, tokens: encode(unknown).length };
}

function answerTexts(
  texts: readonly (string | undefined)[],
  { pieces, unknownText }: SentencePieceModel,
  special: ReadonlySet<string>,
): readonly TokenText[] {
  const types = new Map(pieces.map(({ text, type }) => [text, type]));
  return texts.map((text): TokenText => {
    if (text === undefined || special.has(text)) return { kind: "none" };
    const type = types.get(text);
    if (type === "byte") return { kind: "byte", byte: Number.parseInt(text.slice(3, 5), 16) };
    if (type === "control") return { kind: "literal", text: "" };
    if (type === "unknown") return { kind: "literal", text: unknownText };
    return { kind: type === undefined ? "literal" : "piece", text };
  });
}
