/**
 * Splits text into words and characters. Whitespace is defined as in Python's `str.split`, because
 * the public definitions of the metrics are in Python: Unicode's White_Space and the four information separators.
 * JavaScript's `\s` differs in U+0085, U+001C to U+001F and U+FEFF.
 */
const WHITESPACE = /[\p{White_Space}\u001c-\u001f]+/u;
const LEADING_WHITESPACE = /^[\p{White_Space}\u001c-\u001f]+/u;
const TRAILING_WHITESPACE = /[\p{White_Space}\u001c-\u001f]+$/u;

/** The words of a text, separated by whitespace. @example wordsOf("  a  b ") // ["a", "b"] */
export function wordsOf(text: string): readonly string[] {
  return text.split(WHITESPACE).filter((word) => word !== "");
}

/** Text without whitespace at its start and end. */
export function strip(text: string): string {
  return stripEnd(text.replace(LEADING_WHITESPACE, ""));
}

/** Text without whitespace at its end. */
export function stripEnd(text: string): string {
  return text.replace(TRAILING_WHITESPACE, "");
}

/** Unicode code points of a text; nothing is composed or decomposed. */
export function charactersOf(text: string): readonly string[] {
  return Array.from(text);
}
