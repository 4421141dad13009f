/** Training rows with exchanged values: the same request about other things, so that a model learns to copy. */
import type { Row } from "../row.js";
import { below, sfc32 } from "../shuffle.js";
import { sourceKey } from "../split.js";
import type { AugmentConfig } from "./augment-config.js";
import { replaceSlots, slotSpans } from "./slot-spans.js";

/** A key with fewer different values is a closed list (units, ratings): nothing is invented for it. */
const OPEN_SLOT_VALUES = 50;
/** Most values kept of one key, and most words to invent from: bounds the memory that large data takes. */
const MAX_VALUES = 100_000;
/** Longest invented value [words]. */
const MAX_WORDS = 4;
/** Draws for a copy whose source is new, before it is given up. */
const MAX_DRAWS = 4;
const UINT32 = 2 ** 32;

/**
 * Learns which values each key takes, then makes copies of rows with other values in their places.
 *
 * Deterministic: the copies of row `index` depend on the rows learnt, the seed and the index alone. Values are drawn
 * evenly among the different ones of a key, so that rare ones are seen as often as common ones.
 */
export class SlotSwapper {
  readonly #settings: AugmentConfig;
  readonly #seed: number;
  readonly #values = new Map<string, Set<string>>();
  readonly #words = new Set<string>();
  #lists: ReadonlyMap<string, readonly string[]> | undefined;
  #wordList: readonly string[] = [];

  constructor(settings: AugmentConfig, seed: number) {
    this.#settings = settings;
    this.#seed = seed;
  }

  /** Takes note of a training row's values and words. All rows are learnt before the first copy is made. */
  learn(row: Row): void {
    for (const { slot, value } of slotSpans(row)) {
      const known = this.#values.get(slot) ?? new Set();
      if (known.size < MAX_VALUES) known.add(value);
      this.#values.set(slot, known);
    }
    for (const word of row.source.split(/\s+/)) {
      if (this.#words.size >= MAX_VALUES) break;
      if (/^[\p{L}\p{N}'-]+$/u.test(word)) this.#words.add(word);
    }
  }

  /**
   * Copies of a row; fewer than asked for where no new source was found, none where it has no values to exchange.
   *
   * @param isTaken whether a source, by its key, is in use already, above all in a held-out split
   */
  *copies(row: Row, index: number, isTaken: (key: string) => boolean): Generator<Row> {
    const spans = slotSpans(row);
    // What an image shows, or a teacher is told of it, has the values that it has.
    if (spans.length === 0 || row.image !== undefined || row.teacherSource !== undefined) return;
    this.#freeze();
    const random = sfc32(this.#seed, index);
    const seen = new Set([sourceKey(row.source)]);
    for (let copy = 0; copy < this.#settings.copies; copy++) {
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const values = spans.map(({ slot }) => this.#draw(slot, random));
        const made = replaceSlots(row, spans, values);
        const key = sourceKey(made.source);
        // A value that comes to stand twice, or joins its neighbours, would make the target ambiguous.
        if (seen.has(key) || isTaken(key) || slotSpans(made).length !== spans.length) continue;
        seen.add(key);
        yield made;
        break;
      }
    }
  }

  #draw(slot: string, random: () => number): string {
    const values = this.#lists!.get(slot)!;
    const isOpen = values.length >= OPEN_SLOT_VALUES;
    if (isOpen && random() / UINT32 < this.#settings.invent) {
      const count = 1 + below(random, MAX_WORDS);
      return Array.from({ length: count }, () => this.#wordList[below(random, this.#wordList.length)]!).join(
        " ",
      );
    }
    return values[below(random, values.length)]!;
  }

  #freeze(): void {
    if (this.#lists !== undefined) return;
    this.#lists = new Map(Array.from(this.#values, ([slot, values]) => [slot, [...values]]));
    this.#wordList = [...this.#words];
  }
}
