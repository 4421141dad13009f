/** Caches the tokens of words for the library's BPE model. */

/**
 * Limit of the total length of cached words [characters]; enough for more than a hundred thousand usual words. It counts characters, not words,
 * because the library caches words of up to 255 characters, and a text may consist only of those.
 */
const MOST_CHARACTERS = 2 ** 20;

/** The part of the cache that the library's model uses. */
export interface WordCache {
  get(word: string): readonly string[] | undefined;
  put(word: string, tokens: readonly string[]): void;
  clear(): void;
}

/**
 * A cache that drops all words when it is full. The library's own cache drops the least recently used word, and so deletes and sets a map entry
 * for each look-up, which is two thirds of the time of tokenizing a corpus (docs/benchmarks/training.md).
 */
export function createWordCache(mostCharacters = MOST_CHARACTERS): WordCache {
  const kept = new Map<string, readonly string[]>();
  let characters = 0;
  const clear = (): void => {
    kept.clear();
    characters = 0;
  };
  return {
    get: (word) => kept.get(word),
    // The library adds a word only if the cache does not have it, so no word is counted twice.
    put: (word, tokens) => {
      if (characters + word.length > mostCharacters) clear();
      kept.set(word, tokens);
      characters += word.length;
    },
    clear,
  };
}
