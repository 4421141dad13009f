/**
 * Pre-tokenization patterns: where a text is split before bytes are merged. A token never spans a split.
 *
 * The patterns define each character class explicitly, because `\s` differs between libraries. Letters include combining marks and the
 * underscore, so an identifier in JSON stays in one piece.
 */

export const SPLITS = ["joined", "apart"] as const;
export type SpaceRule = (typeof SPLITS)[number];

const LETTERS = "\\p{L}\\p{M}_";

/** The regular expression of each rule. Its matches cover all characters of a text. */
export const SPLIT_PATTERNS: Readonly<Record<SpaceRule, string>> = {
  // "a word, 12" -> "a" " word" "," " 12"
  joined: ` ?[${LETTERS}]+| ?\\p{N}+| ?[^ ${LETTERS}\\p{N}]+| +(?= )| +`,
  // "a word, 12" -> "a" " " "word" ", " "12"
  apart: `[${LETTERS}]+|\\p{N}+|[^${LETTERS}\\p{N}]+`,
};

/** The pieces of a text, in order. @example splitText("a word", "joined") // ["a", " word"] */
export function splitText(text: string, spaces: SpaceRule): readonly string[] {
  return text.match(COMPILED[spaces]) ?? [];
}

const COMPILED: Readonly<Record<SpaceRule, RegExp>> = {
  joined: new RegExp(SPLIT_PATTERNS.joined, "gu"),
  apart: new RegExp(SPLIT_PATTERNS.apart, "gu"),
};
