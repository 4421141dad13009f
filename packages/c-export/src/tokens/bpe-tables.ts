/** The tables of kernels/text-bpe.c. */
import type { TrainedVocabulary } from "@slm/tokenizer";
import { arrayText, joinTexts, numberType } from "./c-array.js";
import { characterKinds } from "./characters.js";
import type { TextTables } from "./text-tables.js";

type BpeVocabulary = Extract<TrainedVocabulary, { kind: "bpe" }>;

/** Bytes of U+FFFD, which replaces a byte that is not UTF-8. */
const REPLACEMENT_BYTES = 3;

export function bpeTables({ tokens, merges, spaces }: BpeVocabulary): TextTables {
  const texts = joinTexts(tokens);
  const kinds = characterKinds();
  const byteTokens = new Array<number>(256).fill(0);
  for (const [id, bytes] of tokens.entries()) if (bytes.length === 1) byteTokens[bytes[0]!] = id;
  const sorted = merges
    .map((merge, rank) => ({ ...merge, rank }))
    .sort((one, other) => one.left - other.left || one.right - other.right);
  const counts = new Array<number>(tokens.length).fill(0);
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
    "static const slm_bpe text_tables = {\n",
    `  text_kinds, ${kinds.length}, ${spaces === "apart" ? 1 : 0}, text_byte_tokens,\n`,
    "  text_pairs, text_rights, text_ranks, text_merged,\n",
    `  text_starts, text_bytes, ${longest}\n};\n`,
  ];
  return {
    number,
    size: tokens.length,
    longest: Math.max(...tokens.map(longestText)),
    roomForToken: 2 * longest,
    text: text.join(""),
  };
}

/** Most bytes that the bytes of a token add to a text: a part of a character may become U+FFFD. */
const longestText = (bytes: Uint8Array): number =>
  bytes.reduce((sum, byte) => sum + (byte < 0x80 ? 1 : REPLACEMENT_BYTES), 0);
