/** Spells the tokens of one vocabulary with the tokens of another. */

/**
 * Spells each text greedily with tokens: the longest token that is a prefix, then the longest prefix of the rest, and so
 * on. A word is also spelt with a leading space, and the shorter spelling is used: many vocabularies have `" word"` as one token, but
 * `"word"` only as several. The result is empty for the empty text, and for a text with a character that no token starts with.
 *
 * @param texts the text that each token of the vocabulary adds to a target.
 * @param others the same for the other vocabulary, by id.
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

/** Whether a text contains a partial character, as byte tokens do. */
const isPartial = (text: string): boolean => text.includes("\uFFFD");

const STARTS_WORD = /^[\p{L}\p{N}]/u;
