/** The interface of all tokenizers of the pipeline. */

/** Ids of the tokens without text. */
export interface SpecialTokenIds {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
  readonly unknown: number;
}

/** The languages of one text pair, as codes of {@link TokenizerLanguages}; the tokenizer's own ones where they are absent. */
export interface LanguagePair {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
}

/** The languages of a multilingual translation model. */
export interface TokenizerLanguages {
  readonly codes: readonly string[];
  /** The languages of texts for which none is given. */
  readonly source: string | undefined;
  readonly target: string | undefined;
  /**
   * How the model is told the language of the target: by the first token that the decoder is given (`decoder_start`), by the first
   * token that it must answer (`forced_bos`), or by a token in the source.
   */
  readonly begins: "decoder_start" | "forced_bos" | "source";
  /**
   * Id of a language's token.
   *
   * @throws SlmError CONFIG_INVALID for a code that the tokenizer lacks.
   */
  tokenOf(code: string): number;
}

export interface Tokenizer {
  /** Number of ids, which start at 0; of targets, where sources have ids of their own. */
  readonly vocabularySize: number;
  /** Number of ids of sources, where they are not those of targets. */
  readonly sourceVocabularySize?: number | undefined;
  readonly tokens: SpecialTokenIds;
  /** Absent for models that are not told languages. */
  readonly languages?: TokenizerLanguages | undefined;
  /**
   * Ids of an encoder-side text, with the tokens that the tokenizer's files put around sources: none for models that slm trains,
   * EOS or a language for most published ones. Lower-cased first if the tokenizer is configured so.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a character outside the vocabulary;
   * CONFIG_INVALID for a language that the tokenizer lacks.
   */
  encodeSource(text: string, languages?: LanguagePair): number[];
  /**
   * Ids of a decoder-side text, without decoder start or EOS, but with the tokens that every answer of the model begins with (forced
   * BOS: `<s>` of BART, the language of NLLB); never lower-cased.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a symbol outside the vocabulary;
   * CONFIG_INVALID for a language that the tokenizer lacks.
   */
  encodeTarget(text: string, languages?: LanguagePair): number[];
  /**
   * Text of ids, special tokens left out.
   *
   * @throws SlmError DATA_INVALID for an id outside the vocabulary.
   */
  decode(ids: ArrayLike<number>): string;
}
