/** Draft rules by the hash of what they hold for. */

/** What rules say, see `rules.ts`; of kind `alignment` are probabilities by which an answer is followed, see `source-alignment.ts`. */
export const ENTRY_KINDS = ["after", "given", "copy", "continue", "aligned", "proceed", "alignment"] as const;
export type EntryKind = (typeof ENTRY_KINDS)[number];
export type RuleKind = Exclude<EntryKind, "alignment">;

/** Rules by the hash of what they hold for. */
export interface DraftRules {
  /** A hash table of open addressing, whose number of places is a power of two: key, token and chance of each place. A key of 0 is an empty place. */
  readonly places: Int32Array;
  /** Where a key goes also depends on this number, which nobody knows who writes a file of rules: keys of a file cannot all go to one place. */
  readonly seed: number;
  /** Ids are below this; a rule that would say another, of a source with a vocabulary of its own, says nothing. */
  readonly vocabularySize: number;
  /** Kinds of which there are rules; others are not asked. */
  readonly kinds: readonly EntryKind[];
}

/** What one rule says. */
export interface DraftRule {
  readonly kind: EntryKind;
  /** Hash of what it holds for, not 0. */
  readonly key: number;
  /** The token, or {@link COPIED}. */
  readonly token: number;
  /** Probability of being right, 0 to 1. */
  readonly chance: number;
}

/** Stands for the token of the source that a rule points at. */
export const COPIED = -1;

/** Stands before the first token of an answer, and before that of a source. No token has this id. */
export const BEGIN = -2;

/** Numbers of a place: key, token, chance in parts of {@link CHANCE_PARTS}. */
const PLACE = 3;
/** Parts of a chance of 1, in tables and files. */
export const CHANCE_PARTS = 255;

/** A step of a hash, int32 and never 0. Source of the constants: MurmurHash3 (Appleby, public domain). */
export function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
  next ^= next >>> 15;
  next = Math.imul(next, 0x85ebca6b);
  next ^= next >>> 13;
  return next === 0 ? 1 : next;
}

/** A table of rules. Its memory can be shared with other threads, where the platform has such memory. */
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

/** Where a key is, or the empty place where it would be. Half of the places are empty. */
function placeOf({ places, seed }: Pick<DraftRules, "places" | "seed">, key: number): number {
  const mask = places.length / PLACE - 1;
  let place = mixed(mixed(seed, key), seed) & mask;
  for (let found = places[place * PLACE]; found !== 0 && found !== key; found = places[place * PLACE])
    place = (place + 1) & mask;
  return place * PLACE;
}

/** What the rule with a key says; where there is none, its chance is 0. */
export const tokenOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 1]!;

/** Parts of the chance of the rule with a key; 0: there is none. */
export const partsOf = (rules: DraftRules, key: number): number => rules.places[placeOf(rules, key) + 2]!;
