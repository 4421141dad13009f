/** Limits how much the components of a file may lengthen a text: thirty steps that each double it would fill any memory. */
import { reject } from "../patterns/reject.js";

/**
 * Longest text that components may produce from one character. NFKD can turn one character into 18, and each of those into three bytes. Texts
 * that consist only of such characters do not occur.
 */
const MOST_GROWTH = 32;
/** Length that short texts may reach [characters]. */
const ALWAYS_ALLOWED = 1 << 16;

/** The longest text that may be produced from one of `length` characters. */
export function longestFrom(length: number): number {
  return ALWAYS_ALLOWED + MOST_GROWTH * length;
}

/** @throws SlmError DATA_INVALID */
export function checkGrowth(length: number, longest: number): void {
  if (length <= longest) return;
  throw reject(`its components lengthen a text to more than ${longest} characters`);
}

/**
 * Replaces every match by a text.
 *
 * @param matches start and end of each match, from left to right
 * @param longest maximum length of the result
 * @throws SlmError DATA_INVALID if the result would be longer
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
