/** The tokens of words that were looked up before, for the library's BPE model. */

/** Words that are kept: most of a corpus's, in a few MB (the library asks only for words of fewer than 256 characters). */
const MOST_WORDS = 65_536;

/** What the library's model asks of its cache. */
export interface WordCache {
  get(word: string): readonly string[] | undefined;
  put(word: string, tokens: readonly string[]): void;
  clear(): void;
}

/**
 * A cache that forgets all words when it is full. The library's forgets the one that was asked for the longest time ago, for which each
 * look-up deletes an entry of a map and sets it again: two thirds of the time of tokenizing a corpus (docs/benchmarks/training.md).
 */
export function createWordCache(mostWords = MOST_WORDS): WordCache {
  const kept = new Map<string, readonly string[]>();
  return {
    get: (word) => kept.get(word),
    put: (word, tokens) => {
      if (kept.size >= mostWords) kept.clear();
      kept.set(word, tokens);
    },
    clear: () => {
      kept.clear();
    },
  };
}
