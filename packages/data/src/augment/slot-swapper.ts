/** Makes copies of training rows with other slot values, so that a model learns to copy values from the source. */
import type { Row } from "../rows/row.js";
import { below, sfc32 } from "../sampling/shuffle.js";
import { sourceKey } from "../sampling/split.js";
import type { AugmentConfig } from "./augment-config.js";
import { LetterChain } from "../sampling/letter-chain.js";
import { replaceSlots, slotSpans } from "./slot-spans.js";

/** Largest number of values kept per key, which bounds the memory. */
const MAX_VALUES = 100_000;
/** Attempts to make a copy with a new source. */
const MAX_DRAWS = 4;
const UINT32 = 2 ** 32;
/**
 * Share of synthetic values, generated letter by letter from the values of their key, where the values of a key are all different; a key
 * whose values repeat gets fewer, a closed list none.
 */
const SYNTHETIC_VALUES = 0.5;

/** Statistics of one key. */
interface Slot {
  /** How often each value was seen. */
  readonly counts: Map<string, number>;
  readonly chain: LetterChain;
}

/** The same when copies are made. */
interface FrozenSlot {
  readonly values: readonly string[];
  readonly chain: LetterChain;
  /**
   * Probability that the next value is one not seen before: the share of occurrences whose value occurs once (Good 1953,
   * "The population frequencies of species", after Turing). Near 0 for states and units, near 1 for titles of songs.
   */
  readonly unseen: number;
}

/**
 * Learns which values each key takes, then makes copies of rows with other values in their places.
 *
 * Deterministic: the copies of row `index` depend on the rows learnt, the seed and the index alone. Values are drawn
 * evenly among the different ones of a key, so that rare ones are seen as often as common ones; some are synthetic, the more
 * the likelier the key is to bring a value that no training row has.
 */
export class SlotSwapper {
  readonly #settings: AugmentConfig;
  readonly #seed: number;
  readonly #slots = new Map<string, Slot>();
  #frozen: ReadonlyMap<string, FrozenSlot> | undefined;

  constructor(settings: AugmentConfig, seed: number) {
    this.#settings = settings;
    this.#seed = seed;
  }

  /** Takes note of a training row's values. All rows are learnt before the first copy is made. */
  learn(row: Row): void {
    for (const { slot, value } of slotSpans(row)) {
      const known = this.#slots.get(slot) ?? { counts: new Map<string, number>(), chain: new LetterChain() };
      this.#slots.set(slot, known);
      const count = known.counts.get(value) ?? 0;
      if (count === 0 && known.counts.size >= MAX_VALUES) continue;
      if (count === 0) known.chain.learn(value);
      known.counts.set(value, count + 1);
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
    const slots = (this.#frozen ??= frozen(this.#slots));
    const random = sfc32(this.#seed, index);
    const seen = new Set([sourceKey(row.source)]);
    for (let copy = 0; copy < this.#settings.copies; copy++) {
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const values = spans.map(({ slot }) => this.#draw(slots.get(slot)!, random));
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

  #draw({ values, chain, unseen }: FrozenSlot, random: () => number): string {
    if (random() / UINT32 < SYNTHETIC_VALUES * unseen) {
      const synthetic = chain.draw(random)?.trim();
      if (synthetic !== undefined && synthetic !== "") return synthetic;
    }
    return values[below(random, values.length)]!;
  }
}

function frozen(slots: ReadonlyMap<string, Slot>): ReadonlyMap<string, FrozenSlot> {
  return new Map(
    Array.from(slots, ([slot, { counts, chain }]) => {
      let once = 0;
      let all = 0;
      for (const count of counts.values()) {
        if (count === 1) once++;
        all += count;
      }
      return [slot, { values: [...counts.keys()], chain, unseen: once / all }];
    }),
  );
}
