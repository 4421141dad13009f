/**
 * Splits the growing text of one row into pieces that add up to the text. A character may take several tokens (UTF-8 bytes). Until its
 * last token, the tokenizer returns U+FFFD; such a suffix is held back.
 */
export class TextStream {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #row: number;
  readonly #onPiece: ((row: number, piece: string) => void) | undefined;
  readonly #ids: number[] = [];
  #given = "";

  /** Without `onPiece` the text is not decoded. */
  constructor(
    decode: (ids: readonly number[]) => string,
    row: number,
    onPiece?: (row: number, piece: string) => void,
  ) {
    this.#decode = decode;
    this.#row = row;
    this.#onPiece = onPiece;
  }

  /** Adds the next token and returns the text that has become final. */
  push(id: number): void {
    this.#ids.push(id);
    this.#give((text) => text.replace(/\uFFFD+$/, ""));
  }

  /** Returns the rest after the last token. */
  end(): void {
    this.#give((text) => text);
  }

  #give(certain: (text: string) => string): void {
    if (this.#onPiece === undefined) return;
    const text = certain(this.#decode(this.#ids));
    // A tokenizer may rewrite earlier text when tokens follow. Such text is held back, because emitted text cannot be changed.
    if (!text.startsWith(this.#given) || text === this.#given) return;
    const piece = text.slice(this.#given.length);
    this.#given = text;
    this.#onPiece(this.#row, piece);
  }
}
