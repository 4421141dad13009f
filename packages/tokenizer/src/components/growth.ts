/** Bounds how far the components of a file may lengthen a text: thirty steps that each double it would fill any memory. */
import { reject } from "../patterns/reject.js";

/**
 * Longest text that components may make of one character. One character can become 18 by NFKD, and each of those three by bytes; whole texts
 * of such characters do not occur.
 */
const MOST_GROWTH = 32;
/** What short texts may grow to [characters]. */
const ALWAYS_ALLOWED = 1 << 16;

/** The longest text that may be made of one of `length` characters. */
export function longestFrom(length: number): number {
  return ALWAYS_ALLOWED + MOST_GROWTH * length;
}

/** @throws SlmError DATA_INVALID */
export function checkGrowth(length: number, longest: number): void {
  if (length <= longest) return;
  throw reject(`its components make more than ${longest} characters of a text`);
}

/**
 * Replaces every match by a text.
 *
 * @param matches start and end of each, from left to right
 * @param longest of the result
 * @throws SlmError DATA_INVALID where the result would be longer
 */
export function replaceMatches(
  text: string,
  matches: readonly number[],
  { content, longest }: { readonly content: string; readonly longest: number },
): string {
  if (matches.length === 0) return text;
  checkGrowth((matches.length / 2) * content.length, longest);
  const parts: string[] = [];
  let from = 0;
  for (let index = 0; index < matches.length; index += 2) {
    parts.push(text.slice(from, matches[index]), content);
    from = matches[index + 1]!;
  }
  parts.push(text.slice(from));
  return parts.join("");
}
