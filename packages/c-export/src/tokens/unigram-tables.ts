/** The tables of kernels/text-unigram.c. */
import type { TokenText, UnigramVocabulary } from "@slm/tokenizer";
import { arrayText, joinTexts, namesText, numberBytes, numberType } from "./c-array.js";
import { graphemeKinds } from "./graphemes.js";
import type { TextTables } from "./text-tables.js";

/** A normalized space, which is one byte in the tables. */
const SPACE = "\u2581";
/** Marks in front of texts that are not pieces, as in kernels/text-pieces.c. */
const BYTE = 0xff;
const AS_IT_IS = 0xfe;
/** As in kernels/text-normalize.c. */
const WORDS = { whole: 0, white: 1, spaces: 2 } as const;
const DROPPED = { none: 0, one: 1, all: 2 } as const;
/** Bytes of U+FFFD, which replaces a byte that is not UTF-8. */
const REPLACEMENT_BYTES = 3;
/** Most bytes of a character. */
const CHARACTER_BYTES = 4;
const SUM_BYTES = 8;

export function unigramTables(vocabulary: UnigramVocabulary): TextTables {
  const { unknown, opening, codes = new Map<string, number>(), special, before, after } = vocabulary;
  const { words, isRounded, addsSpace, removesSpaces } = vocabulary.rule;
  const answer = vocabulary.answer.map(answerBytes);
  const sorted = vocabulary.pieces
    .map((piece) => ({ ...piece, bytes: pieceBytes(piece.text) }))
    .sort((one, other) => Buffer.compare(one.bytes, other.bytes));
  // Pieces without a token, or whose token has another text in answers.
  const own = sorted.filter(({ bytes, id }) => !(answer[id]?.equals(bytes) ?? false));
  const places = new Map(own.map(({ text }, index) => [text, answer.length + index]));
  const order = sorted.map(({ text, id }) => places.get(text) ?? id);
  const texts = joinTexts([...answer, ...own.map(({ bytes }) => bytes)]);
  const symbols = joinTexts(
    vocabulary.symbols.map((symbol) => Buffer.from(symbol)).sort((one, other) => Buffer.compare(one, other)),
  );
  const { units = [], replacements = [], rule } = vocabulary.map ?? {};
  const kinds = rule === "graphemes" ? graphemeKinds() : [];
  const named = [...unknown.named]
    .map(([text, id]) => ({ bytes: pieceBytes(text), id }))
    .sort((one, other) => Buffer.compare(one.bytes, other.bytes));
  const namedTexts = joinTexts(named.map(({ bytes }) => bytes));
  const longest = sorted.reduce((most, { bytes }) => Math.max(most, bytes.length), CHARACTER_BYTES);
  const number = numberType(Math.max(texts.starts.length, longest, unknown.id));
  const text = [
    arrayText("uint32_t", "text_map", units),
    arrayText("unsigned char", "text_map_values", replacements),
    arrayText("uint32_t", "text_kinds", kinds),
    arrayText("uint32_t", "text_symbol_starts", symbols.starts),
    arrayText("unsigned char", "text_symbols", symbols.bytes),
    arrayText(number, "text_order", order),
    arrayText(
      number,
      "text_own_tokens",
      own.map(({ id }) => id),
    ),
    arrayText("uint32_t", "text_starts", texts.starts),
    arrayText("unsigned char", "text_bytes", texts.bytes),
    arrayText(
      "float",
      "text_scores",
      Array.from(sorted, ({ score }) => score),
    ),
    arrayText("uint32_t", "text_named_starts", namedTexts.starts),
    arrayText("unsigned char", "text_named", namedTexts.bytes),
    arrayText(
      number,
      "text_named_tokens",
      named.map(({ id }) => id),
    ),
    unknown.bytes === undefined ? "" : arrayText("int32_t", "text_byte_tokens", unknown.bytes),
    arrayText("unsigned char", "text_opening", Buffer.from(opening.text)),
    namesText("text_names", special),
    namesText("text_codes", [...codes.keys()]),
    arrayText("int32_t", "text_code_tokens", [...codes.values()]),
    arrayText("int32_t", "text_before", before),
    arrayText("int32_t", "text_after", after),
    "static const slm_unigram text_tables = {\n",
    `  { text_map, text_map_values, ${units.length}, ${replacements.length} }, { text_kinds, ${kinds.length} },\n`,
    `  { NULL, text_symbol_starts, text_symbols, ${vocabulary.symbols.length} }, ${Number(vocabulary.readsSign)},\n`,
    `  { text_order, text_starts, text_bytes, ${sorted.length} }, text_scores, ${answer.length}, text_own_tokens,\n`,
    `  ${unknown.score}, ${longest}, ${unknown.id}, ${Number(unknown.isKept)},\n`,
    `  { NULL, text_named_starts, text_named, ${named.length} }, text_named_tokens, ${unknown.bytes === undefined ? "NULL" : "text_byte_tokens"},\n`,
    `  ${WORDS[words]}, ${Number(isRounded)}, ${Number(addsSpace)}, ${Number(removesSpaces)},\n`,
    `  text_opening, ${Buffer.byteLength(opening.text)}, ${opening.tokens},\n`,
    `  { text_names, text_names_starts, ${special.length} },\n`,
    `  { text_codes, text_codes_starts, ${codes.size} }, text_code_tokens, ${Number(vocabulary.codes !== undefined)},\n`,
    `  text_before, text_after, ${before.length}, ${after.length},\n`,
    `  ${DROPPED[vocabulary.dropped]}, ${Number(vocabulary.trims)}\n};\n`,
  ];
  return {
    number,
    size: answer.length,
    longest: vocabulary.answer.reduce((most, token) => Math.max(most, longestText(token)), 0),
    roomBytes(tokens) {
      const most = (tokens + opening.tokens) * longest;
      return SUM_BYTES * (longest + 1) + (numberBytes(number) + 1) * (most + longest + 1);
    },
    text: text.join(""),
  };
}

const pieceBytes = (text: string): Buffer => Buffer.from(text.replaceAll(SPACE, " "));

/** The text of a token, and what marks it. */
function answerBytes(token: TokenText): Buffer {
  switch (token.kind) {
    case "none":
      return Buffer.alloc(0);
    case "byte":
      return Buffer.from([BYTE, token.byte]);
    case "literal":
      return Buffer.concat([Buffer.from([AS_IT_IS]), Buffer.from(token.text)]);
    case "piece":
      // Only the sign of a space can be left out.
      return token.text.startsWith(" ")
        ? Buffer.concat([Buffer.from([AS_IT_IS]), pieceBytes(token.text)])
        : pieceBytes(token.text);
  }
}

/** Most bytes that a token adds to a text. */
function longestText(token: TokenText): number {
  switch (token.kind) {
    case "none":
      return 0;
    case "byte":
      return REPLACEMENT_BYTES;
    case "literal":
      return Buffer.byteLength(token.text);
    case "piece":
      return pieceBytes(token.text).length;
  }
}
