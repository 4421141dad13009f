/** What every tokenizer of the pipeline can do, whatever its `tokenizer.json` says. */

/** Ids of the tokens that stand for no text. */
export interface SpecialTokenIds {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
  readonly unknown: number;
}

export interface Tokenizer {
  /** Ids run from 0 to one below this. */
  readonly vocabularySize: number;
  readonly tokens: SpecialTokenIds;
  /**
   * Ids of an encoder-side text, without bos or eos; lower-cased first where the tokenizer says so.
   *
   * @throws SlmError DATA_INVALID if the text is empty, holds a special token or a character the vocabulary lacks.
   */
  encodeSource(text: string): number[];
  /**
   * Ids of a decoder-side text, without bos or eos; never lower-cased.
   *
   * @throws SlmError DATA_INVALID if the text is empty, holds a special token or a symbol the vocabulary lacks.
   */
  encodeTarget(text: string): number[];
  /**
   * Text of ids, special tokens left out.
   *
   * @throws SlmError DATA_INVALID for an id outside the vocabulary.
   */
  decode(ids: ArrayLike<number>): string;
}
