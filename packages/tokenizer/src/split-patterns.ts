/**
 * Where a text is cut before bytes are merged: no token reaches over a cut.
 *
 * The patterns name each character class themselves; `\s` would mean different characters in different libraries.
 * Letters take marks (combining accents) and the underline with them, so an identifier in JSON stays in one piece.
 */

export const SPLITS = ["joined", "apart"] as const;
export type SpaceRule = (typeof SPLITS)[number];

const LETTERS = "\\p{L}\\p{M}_";

/** The regular expression of each rule; each finds every character of a text, in pieces that add up to it. */
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
