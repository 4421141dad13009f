/** The tables of a tokenizer in C. */
export interface TextTables {
  /** C type of tokens and of places in tables. */
  readonly number: "uint16_t" | "uint32_t";
  /** Tokens of the vocabulary. */
  readonly size: number;
  /** Most bytes that a token adds to an answer. */
  readonly longest: number;
  /** Working memory for a source of so many tokens [bytes]. */
  readonly roomBytes: (tokens: number) => number;
  /** Constant arrays, and a struct `text_tables` of them. */
  readonly text: string;
}
