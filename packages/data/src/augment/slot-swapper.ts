/** Makes copies of training rows with other slot values, so that a model learns to copy values from the source. */
import type { Row } from "../rows/row.js";
import { below, sfc32 } from "../sampling/shuffle.js";
import { sourceKey } from "../sampling/split.js";
import type { AugmentConfig } from "./augment-config.js";
import { LetterChain } from "../sampling/letter-chain.js";
import { replaceSlots, slotSpans } from "./slot-spans.js";

/** Limit of values kept per key; bounds the memory. */
const MAX_VALUES = 100_000;
/** Attempts per copy to find a source that is not in use. */
const MAX_DRAWS = 4;
const UINT32 = 2 ** 32;
/**
 * Share of synthetic values (generated letter by letter) for a key whose values are all different. The share falls as values repeat,
 * to 0 for a closed list.
 */
const SYNTHETIC_VALUES = 0.5;

/** Statistics of one key. */
interface Slot {
  /** How often each value was seen. */
  readonly counts: Map<string, number>;
  readonly chain: LetterChain;
}

/** The values of `counts` as a list, while copies are made. */
interface FrozenSlot {
  readonly values: readonly string[];
  readonly chain: LetterChain;
  /**
   * Probability that the next value is new: the share of occurrences whose value occurs once (Good 1953,
   * "The population frequencies of species", after Turing). Near 0 for states and units, near 1 for song titles.
   */
  readonly unseen: number;
}

/**
 * Learns the values of each key, then copies rows and replaces their values.
 *
 * Deterministic: the copies of row `index` depend only on the learnt rows, the seed and the index. Distinct values are
 * drawn with equal probability, so rare values appear as often as common ones. Keys that often have new values get more
 * synthetic values.
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

  /** Learns a training row's values. Call it for all rows before the first copy. */
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
   * Returns up to `count` copies of a row: fewer if no new source was found, none if the row has no slot values.
   *
   * @param isTaken whether the source with this key is already in use, for example in a held-out split
   */
  *copies(row: Row, index: number, isTaken: (key: string) => boolean): Generator<Row> {
    const spans = slotSpans(row);
    // The values in an image and in the teacher's source cannot be replaced.
    if (spans.length === 0 || row.image !== undefined || row.teacherSource !== undefined) return;
    const slots = (this.#frozen ??= frozen(this.#slots));
    const random = sfc32(this.#seed, index);
    const seen = new Set([sourceKey(row.source)]);
    for (let copy = 0; copy < this.#settings.copies; copy++) {
      for (let draw = 0; draw < MAX_DRAWS; draw++) {
        const values = spans.map(({ slot }) => this.#draw(slots.get(slot)!, random));
        const made = replaceSlots(row, spans, values);
        const key = sourceKey(made.source);
        // If a value now occurs twice, or merges with its neighbours, the target would be ambiguous.
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
