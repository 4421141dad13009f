/** Finds whether a text is similar to one of many: Jaccard similarity of character trigrams, exactly, with an inverted index. */
import { sourceKey } from "@slm/data";

const GRAM = 3;
/** Tolerance of a product of threshold and size that should be whole. */
const ROUNDING = 1e-9;

/** The character trigrams of a text, whose case, Unicode form and spacing do not count; a space stands before and after it. */
export function trigrams(text: string): ReadonlySet<string> {
  const symbols = Array.from(` ${sourceKey(text)} `);
  const grams = new Set<string>();
  for (let at = 0; at + GRAM <= symbols.length; at++) grams.add(symbols.slice(at, at + GRAM).join(""));
  // A text without symbols of its own has only itself.
  return grams.size > 0 ? grams : new Set([symbols.join("")]);
}

/** Size of the intersection over size of the union, 0 to 1. */
export function jaccard(a: ReadonlySet<string>, b: ReadonlySet<string>): number {
  const [small, large] = a.size < b.size ? [a, b] : [b, a];
  let common = 0;
  for (const gram of small) if (large.has(gram)) common += 1;
  return common / (a.size + b.size - common);
}

/**
 * Texts with a threshold t. Two sets with a similarity of at least t share one of the first |x| - ⌈t·|x|⌉ + 1 elements of each in
 * any fixed order (prefix filtering, Chaudhuri et al. 2006, doi 10.1109/ICDE.2006.9). With rare elements first, few candidates are left.
 */
export class SimilarTexts {
  readonly #threshold: number;
  readonly #counts = new Map<string, number>();
  readonly #sets: (readonly string[])[] = [];
  /** Numbers of the texts by each trigram of their prefixes. */
  readonly #index = new Map<string, number[]>();

  constructor(texts: Iterable<string>, threshold: number) {
    this.#threshold = threshold;
    const seen = new Set<string>();
    for (const text of texts) {
      const key = sourceKey(text);
      if (seen.has(key)) continue;
      seen.add(key);
      const grams = trigrams(text);
      this.#sets.push([...grams]);
      for (const gram of grams) this.#counts.set(gram, (this.#counts.get(gram) ?? 0) + 1);
    }
    this.#sets.forEach((grams, number) => {
      this.#enter(grams, number);
    });
  }

  /** Adds a text. The order of trigrams stays as it was. */
  add(text: string): void {
    const grams = [...trigrams(text)];
    this.#sets.push(grams);
    this.#enter(grams, this.#sets.length - 1);
  }

  /** Whether a text is at least as similar to one of the texts as the threshold says. */
  has(text: string): boolean {
    const grams = trigrams(text);
    const tried = new Set<number>();
    for (const gram of this.#prefix([...grams])) {
      for (const number of this.#index.get(gram) ?? []) {
        if (tried.has(number)) continue;
        tried.add(number);
        if (jaccard(grams, new Set(this.#sets[number])) >= this.#threshold - ROUNDING) return true;
      }
    }
    return false;
  }

  #enter(grams: readonly string[], number: number): void {
    for (const gram of this.#prefix(grams)) {
      const found = this.#index.get(gram);
      if (found === undefined) this.#index.set(gram, [number]);
      else found.push(number);
    }
  }

  #prefix(grams: readonly string[]): readonly string[] {
    const rank = (gram: string): number => this.#counts.get(gram) ?? 0;
    const sorted = [...grams].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    return sorted.slice(0, grams.length - Math.ceil(this.#threshold * grams.length - ROUNDING) + 1);
  }
}
