/** The interface of all tokenizers of the pipeline. */

/** Ids of the tokens without text. */
export interface SpecialTokenIds {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
  readonly unknown: number;
}

export interface Tokenizer {
  /** Number of ids, which start at 0. */
  readonly vocabularySize: number;
  readonly tokens: SpecialTokenIds;
  /**
   * Ids of an encoder-side text, without BOS or EOS; lower-cased first if the tokenizer is configured so.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a character outside the vocabulary.
   */
  encodeSource(text: string): number[];
  /**
   * Ids of a decoder-side text, without BOS or EOS; never lower-cased.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a symbol outside the vocabulary.
   */
  encodeTarget(text: string): number[];
  /**
   * Text of ids, special tokens left out.
   *
   * @throws SlmError DATA_INVALID for an id outside the vocabulary.
   */
  decode(ids: ArrayLike<number>): string;
}
