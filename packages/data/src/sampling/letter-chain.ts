/** Generates synthetic values that resemble a key's values. A model must copy them, because it cannot have memorized them. */
import { below } from "./shuffle.js";

/** Context length of the chain [letters]: long enough for pronounceable pieces, short enough to recombine them. */
const ORDER = 3;
/** Longest value, learnt or drawn [code points]. */
const MAX_LENGTH = 80;
/** Limit of letters learnt per key; bounds the memory. */
const MAX_LETTERS = 1_000_000;
const START = "\u0002";
const END = "\u0003";

/**
 * A Markov chain over the letters of a key's values.
 *
 * Each letter is drawn with the frequency with which it follows the previous three letters (Shannon 1948, section 3).
 */
export class LetterChain {
  readonly #next = new Map<string, string[]>();
  #letters = 0;

  learn(value: string): void {
    const letters = Array.from(value);
    if (letters.length > MAX_LENGTH || this.#letters + letters.length > MAX_LETTERS) return;
    this.#letters += letters.length;
    let context = START.repeat(ORDER);
    for (const letter of [...letters, END]) {
      const known = this.#next.get(context);
      if (known === undefined) this.#next.set(context, [letter]);
      else known.push(letter);
      context = shifted(context, letter);
    }
  }

  /** Draws a value, which may equal a learnt value; undefined if nothing was learnt or the value became too long. */
  draw(random: () => number): string | undefined {
    let context = START.repeat(ORDER);
    let value = "";
    for (let length = 0; length <= MAX_LENGTH; length++) {
      const choices = this.#next.get(context);
      if (choices === undefined) return undefined;
      const letter = choices[below(random, choices.length)]!;
      if (letter === END) return value;
      value += letter;
      context = shifted(context, letter);
    }
    return undefined;
  }
}

function shifted(context: string, letter: string): string {
  return Array.from(context).slice(1).join("") + letter;
}
