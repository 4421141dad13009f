/** Texts that are hard for tokenizers, from a seed. */
import fc from "fast-check";

/** Parts of texts at which tokenizers decide something: spaces, marks, digits, cases, special tokens, and the ends of UTF-8's ranges. */
const PARTS = [
  ...Array.from(" \t\n\r\0\u00a0\u1680\u2003\u2028\u3000\ufeff\u200d_-'’\".,:;!?{}[]<>/\\"),
  ..."[pad] [BOS] [eos] [unK] [un\u212a] [pad eos] <0x41> ## Ġ ▁".split(" "),
  "  ",
  "   ",
  ..."a B ß ẞ İ ı \u212a ŉ ǰ Ǆ ǅ ﬃ ΐ Ω Å 𐐀 𐐨 Ა ა Ꭰ ꭰ".split(" "),
  "Σ",
  "σ",
  "ς",
  "ΑΣ",
  "Σ'",
  "ΟΔΟΣ",
  "Σ\u0301",
  "\u0345",
  "ʰ",
  "·",
  "\u00ad",
  "ͺ",
  "Β",
  "β",
  ..."e\u0301 \u0301 \u0308\u0301 नि กำ 한국어 العربية עברית 中文 日本語 😀 👨‍👩‍👧 🇩🇪".split(" "),
  "0",
  "42",
  "٣",
  "४",
  "²",
  "½",
  "Ⅷ",
  "①",
  "𝟙",
  "〇",
  "零",
  ..."\u007f \u0080 \u07ff \u0800 \ud7ff \ue000 \uffff \u{10000} \u{e000} \u{10ffff}".split(" "),
];

/** Bytes that are not UTF-8. */
const BROKEN = [
  [0x80],
  [0xbf],
  [0xc0, 0x80],
  [0xc1, 0xbf],
  [0xc2],
  [0xe0, 0x80, 0x80],
  [0xe0, 0x9f, 0xbf],
  [0xe2, 0x82],
  [0xed, 0xa0, 0x80],
  [0xed, 0xbf, 0xbf],
  [0xf0, 0x8f, 0xbf, 0xbf],
  [0xf0, 0x9f, 0x98],
  [0xf4, 0x90, 0x80, 0x80],
  [0xf5, 0x80, 0x80, 0x80],
  [0xf8, 0x88, 0x80, 0x80, 0x80],
  [0xfe],
  [0xff],
].map((bytes) => Uint8Array.from(bytes));

/** @param own texts and characters that the vocabulary has */
export function hardTexts(own: readonly string[], seed: number, count: number): readonly string[] {
  const unit = fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...own) },
    { weight: 2, arbitrary: fc.constantFrom(...PARTS) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom("aaaa", "ababab", "    ", "1111", "====") },
  );
  const familiar = fc.array(fc.constantFrom(...own), { maxLength: 30 });
  const mixed = fc.array(unit, { maxLength: 30 });
  const joined = fc.oneof(familiar, mixed).map((parts) => parts.join(""));
  const text = fc.oneof(
    { weight: 8, arbitrary: joined },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) },
  );
  const each = [...PARTS, ...own, ""];
  return [...each, ...fc.sample(text, { seed, numRuns: Math.max(count - each.length, 0) })].map((one) =>
    Buffer.from(one).toString(),
  );
}

/** Random bytes, and texts with one place that is not UTF-8. */
export function hardBytes(own: readonly string[], seed: number, count: number): readonly Uint8Array[] {
  const broken = fc
    .tuple(fc.constantFrom(...own), fc.constantFrom(...BROKEN), fc.constantFrom("", ...own))
    .map(([before, bytes, after]) => Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)]));
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), broken);
  return [...BROKEN, ...fc.sample(bytes, { seed, numRuns: Math.max(count - BROKEN.length, 0) })];
}

/** Lists of token ids, with a few that no vocabulary of this size has. */
export function hardTokens(size: number, seed: number, count: number): readonly (readonly number[])[] {
  const id = fc.oneof(
    { weight: 40, arbitrary: fc.nat(size - 1) },
    { weight: 10, arbitrary: fc.nat(Math.min(size, 260) - 1) },
    { weight: 1, arbitrary: fc.constantFrom(-1, size, 2 ** 31 - 1, -(2 ** 31)) },
  );
  return [...fc.sample(fc.array(id, { maxLength: 24 }), { seed, numRuns: count })];
}
