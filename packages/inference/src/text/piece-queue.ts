/** An unbounded queue of text pieces between a producer and a reader. */
export class PieceQueue implements AsyncIterable<string> {
  readonly #pieces: string[] = [];
  #isEnded = false;
  #wake: () => void = () => undefined;

  push(piece: string): void {
    this.#pieces.push(piece);
    this.#wake();
  }

  /** The reader's loop ends after the last piece. */
  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string, void> {
    for (;;) {
      yield* this.#pieces.splice(0);
      if (this.#pieces.length > 0) continue;
      if (this.#isEnded) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
