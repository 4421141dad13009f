/** The tables of kernels/text-bpe.c. */
import type { ByteVocabulary } from "@slm/tokenizer";
import { arrayText, joinTexts, namesText, numberBytes, numberType } from "./c-array.js";
import { characterKinds, type CharacterKinds } from "./characters.js";
import type { TextTables } from "./text-tables.js";

/** Bytes of U+FFFD, which replaces a byte that is not UTF-8. */
const REPLACEMENT_BYTES = 3;

/** The kinds of characters that a split tells apart, and the number of its rule in kernels/text-bpe.c. */
const SPLITS: Readonly<Record<ByteVocabulary["split"], CharacterKinds & { readonly rule: number }>> = {
  joined: { rule: 0, letter: /[\p{L}\p{M}_]/u, space: / /u },
  apart: { rule: 0, letter: /[\p{L}\p{M}_]/u, space: undefined },
  words: { rule: 1, letter: /\p{L}/u, space: /\p{White_Space}/u },
  digits: { rule: 2, letter: /\p{L}/u, space: /\p{White_Space}/u },
};

export function bpeTables(vocabulary: ByteVocabulary): TextTables {
  const { tokens, merges, split, special, before, after } = vocabulary;
  const texts = joinTexts(tokens);
  const { rule, ...characters } = SPLITS[split];
  const kinds = characterKinds(characters);
  const byteTokens = new Array<number>(256).fill(tokens.length);
  for (const [id, bytes] of tokens.entries()) if (bytes.length === 1) byteTokens[bytes[0]!] = id;
  const sorted = merges
    .map((merge, rank) => ({ ...merge, rank }))
    .sort((one, other) => one.left - other.left || one.right - other.right);
  // One more for bytes without a token, which are not merged.
  const counts = new Array<number>(tokens.length + 1).fill(0);
  for (const { left } of sorted) counts[left]!++;
  const pairs = [0];
  for (const count of counts) pairs.push(pairs.at(-1)! + count);
  const longest = Math.max(...tokens.map(({ length }) => length));
  const number = numberType(Math.max(tokens.length, merges.length, texts.bytes.length));
  const text = [
    arrayText("uint32_t", "text_kinds", kinds),
    arrayText(number, "text_byte_tokens", byteTokens),
    arrayText(number, "text_pairs", pairs),
    arrayText(
      number,
      "text_rights",
      Array.from(sorted, ({ right }) => right),
    ),
    arrayText(
      number,
      "text_ranks",
      Array.from(sorted, ({ rank }) => rank),
    ),
    arrayText(
      number,
      "text_merged",
      Array.from(sorted, ({ merged }) => merged),
    ),
    arrayText(number, "text_starts", texts.starts),
    arrayText("unsigned char", "text_bytes", texts.bytes),
    namesText("text_names", special),
    arrayText("int32_t", "text_before", before),
    arrayText("int32_t", "text_after", after),
    "static const slm_bpe text_tables = {\n",
    `  text_kinds, ${kinds.length}, ${rule}, text_byte_tokens, ${tokens.length},\n`,
    "  text_pairs, text_rights, text_ranks, text_merged,\n",
    `  text_starts, text_bytes, ${longest},\n`,
    `  { text_names, text_names_starts, ${special.length} },\n`,
    `  text_before, text_after, ${before.length}, ${after.length}\n};\n`,
  ];
  return {
    number,
    size: tokens.length,
    longest: Math.max(...tokens.map(longestText)),
    roomBytes: (tokens) => 2 * tokens * longest * numberBytes(number),
    text: text.join(""),
  };
}

/** Most bytes that the bytes of a token add to a text: a part of a character may become U+FFFD. */
const longestText = (bytes: Uint8Array): number =>
  bytes.reduce((sum, byte) => sum + (byte < 0x80 ? 1 : REPLACEMENT_BYTES), 0);
