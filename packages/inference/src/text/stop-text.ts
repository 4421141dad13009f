/**
 * Ends a growing text before the first of several stop sequences: the one that is complete first; on ties, the one that begins first. The result does
 * not depend on how the text is split into pieces. A suffix that could still become a stop sequence is held back, so no part of a stop sequence is
 * ever returned.
 *
 * Source: OpenAI API, `stop`.
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

  /** Adds the next piece. */
  push(piece: string): void {
    if (this.#isStopped) return;
    this.#held += piece;
    const found = firstStop(this.#held, this.#stops);
    if (found !== undefined) {
      this.#isStopped = true;
      this.#release(found);
      this.#held = "";
      return;
    }
    this.#release(this.#held.length - this.#openEnd());
  }

  /** Returns the rest after the last piece. */
  end(): void {
    if (!this.#isStopped) this.#release(this.#held.length);
  }

  #release(length: number): void {
    if (length > 0) this.#give(this.#held.slice(0, length));
    this.#held = this.#held.slice(length);
  }

  /** Length of the longest suffix of the text that is a prefix of a sequence. */
  #openEnd(): number {
    const longest = Math.max(0, ...this.#stops.map(({ length }) => length - 1));
    for (let length = Math.min(longest, this.#held.length); length > 0; length--) {
      const end = this.#held.slice(-length);
      if (this.#stops.some((stop) => stop.startsWith(end))) return length;
    }
    return 0;
  }
}

/** A complete text up to the first stop sequence; undefined if it has none. */
export function textBeforeStop(text: string, stops: readonly string[]): string | undefined {
  const found = firstStop(text, stops);
  return found === undefined ? undefined : text.slice(0, found);
}

/** Start of the sequence that is complete first; on ties, the one that begins first. */
function firstStop(text: string, stops: readonly string[]): number | undefined {
  let [begin, end] = [0, Infinity];
  for (const stop of stops) {
    const at = text.indexOf(stop);
    if (at === -1 || at + stop.length > end) continue;
    if (at + stop.length < end || at < begin) [begin, end] = [at, at + stop.length];
  }
  return end === Infinity ? undefined : begin;
}
