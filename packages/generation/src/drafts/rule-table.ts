/** Draft rules, stored by the hash of the context in which they apply. */

/**
 * The kinds of rules, see `rules.ts`. Entries of kind `alignment` are probabilities that align an answer with its source, see `source-alignment.ts`.
 */
export const ENTRY_KINDS = ["after", "given", "copy", "continue", "aligned", "proceed", "alignment"] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];
export type RuleKind = Exclude<EntryKind, "alignment">;

/** Rules by the hash of their context. */
export interface DraftRules {
  /** A hash table with open addressing and a power of two of slots: key, token and probability of each slot. Key 0 marks an empty slot. */
  readonly places: Int32Array;
  /**
   * Random number that also determines the slot of a key. A crafted rules file cannot make all keys collide, because it does not know this number.
   */
  readonly seed: number;
  /** Ids are below this. A rule that would copy a higher id, from a source with its own vocabulary, proposes nothing. */
  readonly vocabularySize: number;
  /** Kinds that have rules. Other kinds are not consulted. */
  readonly kinds: readonly EntryKind[];
}

/** One rule. */
export interface DraftRule {
  readonly kind: EntryKind;
  /** Hash of the context, not 0. */
  readonly key: number;
  /** The token, or {@link COPIED}. */
  readonly token: number;
  /** Probability of being right, 0 to 1. */
  readonly chance: number;
}

/** Stands for the source token that a rule points at. */
export const COPIED = -1;

/** Stands for the position before the first token of an answer or a source. No token has this id. */
export const BEGIN = -2;

/** Numbers per slot: key, token, probability in units of 1 / {@link CHANCE_PARTS}. */
const PLACE = 3;
/** Tables and files store probabilities in units of 1 / this. */
export const CHANCE_PARTS = 255;

/** One step of a hash: int32 and never 0. Source of the constants: MurmurHash3 (Appleby, public domain). */
export function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
  next ^= next >>> 15;
  next = Math.imul(next, 0x85ebca6b);
  next ^= next >>> 13;
  return next === 0 ? 1 : next;
}

/** Builds a table of rules. Its memory can be shared with other threads where the platform has shared memory. */
export function draftRulesOf(rules: readonly DraftRule[], vocabularySize: number): DraftRules {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * rules.length)));
  const bytes = capacity * PLACE * Int32Array.BYTES_PER_ELEMENT;
  const places = new Int32Array(
    typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes),
  );
  const kinds = new Set(rules.map(({ kind }) => kind));
  const [seed = 0] = crypto.getRandomValues(new Int32Array(1));
  const table = { places, seed, vocabularySize, kinds: ENTRY_KINDS.filter((kind) => kinds.has(kind)) };
  for (const { key, token, chance } of rules)
    places.set([key, token, Math.round(chance * CHANCE_PARTS)], placeOf(table, key));
  return table;
}

/** The slot of a key, or the empty slot where it belongs. Half of the slots are empty. */
function placeOf({ places, seed }: Pick<DraftRules, "places" | "seed">, key: number): number {
  const mask = places.length / PLACE - 1;
  let place = mixed(mixed(seed, key), seed) & mask;
  for (let found = places[place * PLACE]; found !== 0 && found !== key; found = places[place * PLACE])
    place = (place + 1) & mask;
  return place * PLACE;
}

/** The rule with a key. If there is none, its probability is 0. */
export const tokenOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 1]!;

/** Probability of the rule with a key, in units of 1 / {@link CHANCE_PARTS}; 0 if there is none. */
export const partsOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 2]!;
