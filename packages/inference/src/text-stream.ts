/**
 * Cuts the growing text of one row into pieces that add up to it. A character may take several tokens (bytes of UTF-8),
 * and until its last one the tokenizer gives U+FFFD: such an end is held back.
 */
export class TextStream {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #row: number;
  readonly #onPiece: ((row: number, piece: string) => void) | undefined;
  readonly #ids: number[] = [];
  #given = "";

  /** Without `onPiece` the text is not even decoded. */
  constructor(
    decode: (ids: readonly number[]) => string,
    row: number,
    onPiece?: (row: number, piece: string) => void,
  ) {
    this.#decode = decode;
    this.#row = row;
    this.#onPiece = onPiece;
  }

  /** Takes the next token and gives the text that has become certain. */
  push(id: number): void {
    this.#ids.push(id);
    this.#give((text) => text.replace(/\uFFFD+$/, ""));
  }

  /** Gives the rest, once no token follows. */
  end(): void {
    this.#give((text) => text);
  }

  #give(certain: (text: string) => string): void {
    if (this.#onPiece === undefined) return;
    const text = certain(this.#decode(this.#ids));
    // A tokenizer that rewrites earlier text when more follows has to wait: what was given cannot be taken back.
    if (!text.startsWith(this.#given) || text === this.#given) return;
    const piece = text.slice(this.#given.length);
    this.#given = text;
    this.#onPiece(this.#row, piece);
  }
}
