/** The tokens of words that were looked up before, for the library's BPE model. */

/**
 * Characters of all kept words together: more than a hundred thousand usual words. A limit of characters and not of words, because the
 * library puts words of up to 255 characters, and a text can be made of nothing else.
 */
const MOST_CHARACTERS = 2 ** 20;

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
export function createWordCache(mostCharacters = MOST_CHARACTERS): WordCache {
  const kept = new Map<string, readonly string[]>();
  let characters = 0;
  const clear = (): void => {
    kept.clear();
    characters = 0;
  };
  return {
    get: (word) => kept.get(word),
    // The library puts a word only after it was not found, so none is counted twice.
    put: (word, tokens) => {
      if (characters + word.length > mostCharacters) clear();
      kept.set(word, tokens);
      characters += word.length;
    },
    clear,
  };
}
