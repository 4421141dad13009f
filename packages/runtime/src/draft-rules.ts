/**
 * Draft rules: what probably comes next in an answer, as its training pairs had it. The host reads them, so a draft takes no run of a graph, and
 * only what is probable enough to be worth a row of the next run is drafted.
 *
 * ```
 * kind       holds where                                                     says
 * after      the answer ends with these 1 to 5 tokens                        a token
 * given      it ends with these 1 to 4, and this token is in the source      a token
 * copy       it ends with these 1 to 3                                       what follows this token in the source
 * continue   its last 1 to 3 tokens stand in the source before this token    this token
 * ```
 *
 * Of the rules that hold, the one with the highest chance speaks; of those of kind `after` only the longest is asked.
 *
 * Sources: Ou et al. 2024 (arXiv:2404.08698) and Stewart et al. 2024 (arXiv:2411.03786) for drafts of n-grams; Saxena 2023, "Prompt lookup
 * decoding", for copies. Conditions on the source are ours: an encoder-decoder's answer follows it.
 */

/** Rules by the hash of what they hold for. */
export interface DraftRules {
  /** A hash table of open addressing, whose number of places is a power of two: key, token and chance of each place. A key of 0 is an empty place. */
  readonly places: Int32Array;
  /** Ids are below this; a rule that would say another, of a source with a vocabulary of its own, says nothing. */
  readonly vocabularySize: number;
}

/** What one rule says. */
export interface DraftRule {
  /** Hash of what it holds for, not 0. */
  readonly key: number;
  /** The token, or {@link COPIED}. */
  readonly token: number;
  /** Probability of being right, 0 to 1. */
  readonly chance: number;
}

/** Stands for the token of the source that a rule of kind `copy` or `continue` points at. */
export const COPIED = -1;

/** Most tokens of an answer that a rule reads, by its kind. */
const RULE_CONTEXT = { after: 5, given: 4, copy: 3, continue: 3 } as const;
export type RuleKind = keyof typeof RULE_CONTEXT;
export const RULE_KINDS = Object.keys(RULE_CONTEXT) as readonly RuleKind[];

/** A rule of kind `after` with this chance settles a token: nothing else is asked. */
export const SETTLED = 0.9;

/** Drafts are made while the chance that all of them hold is above this: a row of a run costs a fifth to a quarter of the run. */
const WORTH = 0.4;

/** Tokens of a source that rules are asked about; what lies behind them is not looked at. */
const LONGEST_SOURCE = 256;

/** Before the first token of an answer, and before that of a source. No token has this id. */
const BEGIN = -2;

const KIND_SEEDS: Readonly<Record<RuleKind, number>> = { after: 1, given: 2, copy: 3, continue: 4 };

/** Where a rule may hold, and the token of the source that it would copy. */
export type RuleVisitor = (kind: RuleKind, read: number, key: number, copied: number) => void;

/** What is asked at one place of an answer. Keys are those of {@link DraftRule}. */
export class RulePlaces {
  readonly #source: readonly number[];
  readonly #words: readonly number[];

  constructor(source: readonly number[]) {
    this.#source = source.slice(0, LONGEST_SOURCE);
    this.#words = [...new Set(this.#source)];
  }

  /** Rules of kind `after`, the longest first; until one returns true. */
  after(answer: readonly number[], visit: (read: number, key: number) => boolean): void {
    for (let read = Math.min(RULE_CONTEXT.after, answer.length + 1); read > 0; read--)
      if (visit(read, contextKey("after", answer, read))) return;
  }

  /** Rules of the kinds `given` and `copy`. */
  ofSource(answer: readonly number[], visit: RuleVisitor): void {
    const source = this.#source;
    for (let read = Math.min(RULE_CONTEXT.given, answer.length + 1); read > 0; read--) {
      const context = contextKey("given", answer, read);
      for (const word of this.#words) visit("given", read, mixed(context, word), COPIED);
    }
    for (let read = Math.min(RULE_CONTEXT.copy, answer.length + 1); read > 0; read--) {
      const context = contextKey("copy", answer, read);
      for (let at = 0; at < source.length; at++)
        visit("copy", read, mixed(context, at === 0 ? BEGIN : source[at - 1]!), source[at]!);
    }
  }

  /** Rules of kind `continue`: each twice, for the token that would be copied and for any. */
  continued(answer: readonly number[], visit: RuleVisitor): void {
    const source = this.#source;
    const last = answer.at(-1);
    if (last === undefined) return;
    for (let at = 1; at < source.length; at++) {
      if (source[at - 1] !== last) continue;
      const read = commonSuffix(source, at, answer);
      const length = mixed(KIND_SEEDS.continue, read);
      visit("continue", read, mixed(length, source[at]!), source[at]!);
      visit("continue", read, mixed(length, COPIED), source[at]!);
    }
  }
}

/** How many tokens before `at` are those at the end of the answer, at most what rules read. */
function commonSuffix(source: readonly number[], at: number, answer: readonly number[]): number {
  let length = 1;
  while (
    length < RULE_CONTEXT.continue &&
    length < Math.min(at, answer.length) &&
    source[at - 1 - length] === answer[answer.length - 1 - length]
  )
    length++;
  return length;
}

/** Hash of the last `read` tokens of an answer, of which the first may be its beginning. */
function contextKey(kind: RuleKind, answer: readonly number[], read: number): number {
  let key = mixed(KIND_SEEDS[kind], read);
  for (let at = answer.length - read; at < answer.length; at++)
    key = mixed(key, at < 0 ? BEGIN : answer[at]!);
  return key;
}

/** A step of a hash, int32 and never 0. Source of the constants: MurmurHash3 (Appleby, public domain). */
export function mixed(hash: number, value: number): number {
  let next = Math.imul(hash ^ Math.imul(value, 0xcc9e2d51), 0x1b873593);
  next ^= next >>> 15;
  next = Math.imul(next, 0x85ebca6b);
  next ^= next >>> 13;
  return next === 0 ? 1 : next;
}

/** Numbers of a place: key, token, chance in parts of {@link CHANCE_PARTS}. */
const PLACE = 3;
/** Parts of a chance of 1, in tables and files. */
export const CHANCE_PARTS = 255;

/** A table of rules. Its memory can be shared with other threads, where the platform has such memory. */
export function draftRulesOf(rules: readonly DraftRule[], vocabularySize: number): DraftRules {
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, 2 * rules.length)));
  const bytes = capacity * PLACE * Int32Array.BYTES_PER_ELEMENT;
  const places = new Int32Array(
    typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes),
  );
  const table = { places, vocabularySize };
  for (const { key, token, chance } of rules)
    places.set([key, token, Math.round(chance * CHANCE_PARTS)], placeOf(table, key));
  return table;
}

/** Where a key is, or the empty place where it would be. Half of the places are empty. */
function placeOf({ places }: DraftRules, key: number): number {
  const mask = places.length / PLACE - 1;
  let place = key & mask;
  for (let found = places[place * PLACE]; found !== 0 && found !== key; found = places[place * PLACE])
    place = (place + 1) & mask;
  return place * PLACE;
}

/** Drafts of one answer. */
export class RuleDrafter {
  readonly #places: RulePlaces;
  readonly #rules: DraftRules;

  constructor(rules: DraftRules, source: readonly number[]) {
    this.#rules = rules;
    this.#places = new RulePlaces(source);
  }

  /** What may follow an answer so far: at most `room` tokens, none from an end on. */
  draft(answer: readonly number[], room: number, end?: number): readonly number[] {
    const tokens = [...answer];
    for (let chance = 1; tokens.length - answer.length < room;) {
      const next = this.next(tokens);
      chance *= next.chance;
      if (chance < WORTH || next.token === end) break;
      tokens.push(next.token);
    }
    return tokens.slice(answer.length);
  }

  /** The rule that speaks, with what it says here; one with a chance of 0 where none holds. */
  next(answer: readonly number[]): DraftRule {
    const best = { key: 0, token: COPIED, parts: 0 };
    const ask = (key: number, copied: number): boolean => {
      const { places, vocabularySize } = this.#rules;
      const at = placeOf(this.#rules, key);
      const [told, parts] = [places[at + 1]!, places[at + 2]!];
      const token = told === COPIED ? copied : told;
      if (parts === 0 || token < 0 || token >= vocabularySize) return false;
      if (parts > best.parts) Object.assign(best, { key, token, parts });
      return true;
    };
    this.#places.after(answer, (_, key) => ask(key, COPIED));
    if (best.parts < SETTLED * CHANCE_PARTS)
      this.#places.ofSource(answer, (_, __, key, copied) => ask(key, copied));
    if (best.parts < SETTLED * CHANCE_PARTS)
      this.#places.continued(answer, (_, __, key, copied) => ask(key, copied));
    return { key: best.key, token: best.token, chance: best.parts / CHANCE_PARTS };
  }
}
