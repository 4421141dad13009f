/** The interface of all tokenizers. */

/** Ids of the tokens without text. */
export interface SpecialTokenIds {
  readonly pad: number;
  readonly bos: number;
  readonly eos: number;
  readonly unknown: number;
}

/** The languages of a text pair, as codes of {@link TokenizerLanguages}. Absent: the defaults of the tokenizer. */
export interface LanguagePair {
  readonly source?: string | undefined;
  readonly target?: string | undefined;
}

/** The languages of a multilingual translation model. */
export interface TokenizerLanguages {
  readonly codes: readonly string[];
  /** Default languages. */
  readonly source: string | undefined;
  readonly target: string | undefined;
  /**
   * How the model is told the target language: by the first input token of the decoder (`decoder_start`), by the first token of the answer
   * (`forced_bos`), or by a token in the source.
   */
  readonly begins: "decoder_start" | "forced_bos" | "source";
  /**
   * Id of a language token.
   *
   * @throws SlmError CONFIG_INVALID for a code that the tokenizer lacks.
   */
  tokenOf(code: string): number;
}

export interface Tokenizer {
  /** Number of target ids, which start at 0. Sources use the same ids, unless `sourceVocabularySize` is set. */
  readonly vocabularySize: number;
  /** Number of source ids, if sources have their own ids. */
  readonly sourceVocabularySize?: number | undefined;
  readonly tokens: SpecialTokenIds;
  /** Absent for models without language tokens. */
  readonly languages?: TokenizerLanguages | undefined;
  /**
   * Encodes a source, including the tokens that the tokenizer's files add around sources: none for models that slm trains, EOS or a language for
   * most published ones. Lower-cases the source first if the tokenizer is configured to.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a character outside the vocabulary; CONFIG_INVALID for a
   * language that the tokenizer lacks.
   */
  encodeSource(text: string, languages?: LanguagePair): number[];
  /**
   * Encodes a target, without decoder start or EOS, but with the tokens that start every answer of the model (forced BOS: `<s>` of BART, the
   * language of NLLB). Never lower-cases.
   *
   * @throws SlmError DATA_INVALID if the text is empty, or contains a special token or a symbol outside the vocabulary; CONFIG_INVALID for a
   * language that the tokenizer lacks.
   */
  encodeTarget(text: string, languages?: LanguagePair): number[];
  /**
   * Decodes ids; skips special tokens.
   *
   * @throws SlmError DATA_INVALID for an id outside the vocabulary.
   */
  decode(ids: ArrayLike<number>): string;
}
