/** Spells the tokens of one vocabulary with those of another. */

/**
 * For each text, the tokens that spell it: the longest token with which it begins, then the longest with which the rest begins, and so
 * on. A word is also spelt with a space before it, and that spelling taken if it is shorter: many vocabularies have `" word"` as one token, and
 * `"word"` only in pieces. No tokens for a text with a character that no token begins with, and for the empty text.
 *
 * @param texts the text that each token of the one vocabulary adds to a target.
 * @param others the same of the other vocabulary, by its ids.
 */
export function spellings(
  texts: readonly string[],
  others: readonly string[],
): readonly (readonly number[])[] {
  const idOf = new Map<string, number>();
  let longest = 0;
  others.forEach((text, id) => {
    if (text === "" || isPartial(text) || idOf.has(text)) return;
    idOf.set(text, id);
    longest = Math.max(longest, text.length);
  });
  const spell = (text: string): readonly number[] => {
    const ids: number[] = [];
    for (let at = 0; at < text.length;) {
      let end = Math.min(text.length, at + longest);
      while (end > at && !idOf.has(text.slice(at, end))) end--;
      if (end === at) return [];
      ids.push(idOf.get(text.slice(at, end))!);
      at = end;
    }
    return ids;
  };
  return texts.map((text) => {
    if (isPartial(text)) return [];
    const [plain, spaced] = [spell(text), STARTS_WORD.test(text) ? spell(` ${text}`) : []];
    return spaced.length > 0 && (spaced.length < plain.length || plain.length === 0) ? spaced : plain;
  });
}

/** Whether a text has a part of a character: tokens of bytes do. */
const isPartial = (text: string): boolean => text.includes("\uFFFD");

const STARTS_WORD = /^[\p{L}\p{N}]/u;
