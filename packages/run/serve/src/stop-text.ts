/**
 * Ends a growing text at the first of several sequences, which is left out. An end that could still become one of them is held
 * back until it is certain.
 */
export class StopText {
  readonly #stops: readonly string[];
  readonly #give: (piece: string) => void;
  #held = "";
  #isStopped = false;

  constructor(stops: readonly string[], give: (piece: string) => void) {
    this.#stops = stops;
    this.#give = give;
  }

  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Takes the next piece. */
  push(piece: string): void {
    if (this.#isStopped) return;
    this.#held += piece;
    const found = this.#stops.map((stop) => this.#held.indexOf(stop)).filter((at) => at !== -1);
    if (found.length > 0) {
      this.#isStopped = true;
      this.#release(Math.min(...found));
      this.#held = "";
      return;
    }
    this.#release(this.#held.length - this.#openEnd());
  }

  /** Gives the rest, once no piece follows. */
  end(): void {
    if (!this.#isStopped) this.#release(this.#held.length);
  }

  #release(length: number): void {
    if (length > 0) this.#give(this.#held.slice(0, length));
    this.#held = this.#held.slice(length);
  }

  /** Length of the longest end that begins one of the sequences. */
  #openEnd(): number {
    const longest = Math.max(0, ...this.#stops.map(({ length }) => length - 1));
    for (let length = Math.min(longest, this.#held.length); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}
