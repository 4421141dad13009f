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

/** Most rules of a model: a file of so many is read in 0.2 s. */
export const MOST_RULES = 500_000;

/** A step of a hash, int32 and never 0. Source of the constants: MurmurHash3 (Appleby, public domain). */
export function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
  next ^= next >>> 15;
  next = Math.imul(next, 0x85ebca6b);
  next ^= next >>> 13;
  return next === 0 ? 1 : next;
}

/** A table of rules. */
export function draftRulesOf(rules: readonly DraftRule[], vocabularySize: number): DraftRules {
  const kinds = new Set(rules.map(({ kind }) => kind));
  const table = emptyDraftRules(rules.length, kinds, vocabularySize);
  for (const { key, token, chance } of rules) addRule(table, key, token, Math.round(chance * CHANCE_PARTS));
  return table;
}

/** A table with room for `count` rules. Other threads can share its memory where the platform has shared memory. */
export function emptyDraftRules(
  count: number,
  kinds: ReadonlySet<EntryKind>,
  vocabularySize: number,
): DraftRules {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * count)));
  const bytes = capacity * PLACE * Int32Array.BYTES_PER_ELEMENT;
  const places = new Int32Array(
    typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes),
  );
  const [seed = 0] = crypto.getRandomValues(new Int32Array(1));
  return { places, seed, vocabularySize, kinds: ENTRY_KINDS.filter((kind) => kinds.has(kind)) };
}

/**
 * Adds a rule, or replaces the one that has its key. Half of the places must stay empty.
 *
 * @param key not 0
 * @param parts its chance, of {@link CHANCE_PARTS}
 */
export function addRule(table: DraftRules, key: number, token: number, parts: number): void {
  const { places } = table;
  const at = placeOf(table, key);
  places[at] = key;
  places[at + 1] = token;
  places[at + 2] = parts;
}

/** The first place that is looked at for a key. */
export const homeOf = ({ places, seed }: DraftRules, key: number): number =>
  mixed(mixed(seed, key), seed) & (places.length / PLACE - 1);

/** Where a key is, or the empty place where it would be. Half of the places are empty. */
function placeOf(table: DraftRules, key: number): number {
  const { places } = table;
  const mask = places.length / PLACE - 1;
  let place = homeOf(table, key);
  for (let found = places[place * PLACE]; found !== 0 && found !== key; found = places[place * PLACE])
    place = (place + 1) & mask;
  return place * PLACE;
}

/** The rule with a key. If there is none, its probability is 0. */
export const tokenOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 1]!;

/** Probability of the rule with a key, in units of 1 / {@link CHANCE_PARTS}; 0 if there is none. */
export const partsOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 2]!;
