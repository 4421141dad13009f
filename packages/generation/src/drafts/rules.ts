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
 * aligned    it ends with these 1 or 2, and its end is aligned with this     a token
 *            token of the source, among these
 * proceed    its last 0 to 3 tokens are those of the source up to the        this token
 *            aligned one, which is followed by this token
 * ```
 *
 * Of the rules that hold, the one with the highest chance speaks; of those of kind `after` only the longest is asked. Alignment: `source-alignment.ts`.
 *
 * Sources: Ou et al. 2024 (arXiv:2404.08698) and Stewart et al. 2024 (arXiv:2411.03786) for drafts of n-grams; Saxena 2023, "Prompt lookup
 * decoding", for copies. Conditions on the source are ours: an encoder-decoder's answer follows it.
 */

import {
  BEGIN,
  CHANCE_PARTS,
  COPIED,
  mixed,
  partsOf,
  tokenOf,
  type DraftRule,
  type DraftRules,
  type RuleKind,
} from "./rule-table.js";
import type { Drafter } from "./drafter.js";
import { ALIGNED_CONTEXTS, alignedKey, SourceAlignment } from "./source-alignment.js";

/** Most tokens of an answer that a rule reads, by its kind; of kind `aligned` the number of contexts. */
const RULE_CONTEXT = {
  after: 5,
  given: 4,
  copy: 3,
  continue: 3,
  aligned: ALIGNED_CONTEXTS.length,
  proceed: 3,
} as const satisfies Readonly<Record<RuleKind, number>>;

/** Kinds in the order in which they are asked, until one says something that settles it. */
const ASKED: readonly RuleKind[] = ["after", "aligned", "proceed", "given", "copy", "continue"];

/** A rule with this chance settles a token: kinds behind its own are not asked. */
export const SETTLED = 0.9;

/** Drafts are made while the chance that all of them hold is above this: a row of a run costs a fifth to a quarter of the run. */
const WORTH = 0.4;

/** The same of the first run, whose rows also make the first token later. */
const WORTH_AT_FIRST = 0.7;

/** Tokens of a source that rules are asked about; what lies behind them is not looked at. */
const LONGEST_SOURCE = 256;

const KIND_SEEDS: Readonly<Record<RuleKind, number>> = {
  after: 1,
  given: 2,
  copy: 3,
  continue: 4,
  aligned: 5,
  proceed: 6,
};

const EVERY_CONTEXT = [...ALIGNED_CONTEXTS.keys()];

/** Where a rule may hold, and the token of the source that it would copy. */
export type RuleVisitor = (kind: RuleKind, read: number, key: number, copied: number) => void;

/** What is asked at one place of an answer. Keys are those of {@link DraftRule}. */
export class RulePlaces {
  readonly #source: readonly number[];
  readonly #alignment: SourceAlignment | undefined;
  #distinct: readonly number[] | undefined;

  /** @param rules of which the alignment is read. Default: there is none */
  constructor(source: readonly number[], rules?: DraftRules) {
    this.#source = source.slice(0, LONGEST_SOURCE);
    this.#alignment = rules && SourceAlignment.of(rules, this.#source);
  }

  /** Rules of kind `after`, the longest first; until one returns true. */
  after(answer: readonly number[], visit: (read: number, key: number) => boolean): void {
    for (let read = Math.min(RULE_CONTEXT.after, answer.length + 1); read > 0; read--)
      if (visit(read, contextKey("after", answer, read))) return;
  }

  given(answer: readonly number[], visit: RuleVisitor): void {
    const words = (this.#distinct ??= [...new Set(this.#source)]);
    for (let read = Math.min(RULE_CONTEXT.given, answer.length + 1); read > 0; read--) {
      const context = contextKey("given", answer, read);
      for (const word of words) visit("given", read, mixed(context, word), COPIED);
    }
  }

  copy(answer: readonly number[], visit: RuleVisitor): void {
    const source = this.#source;
    for (let read = Math.min(RULE_CONTEXT.copy, answer.length + 1); read > 0; read--) {
      const context = contextKey("copy", answer, read);
      for (let at = 0; at < source.length; at++)
        visit("copy", read, mixed(context, at === 0 ? BEGIN : source[at - 1]!), source[at]!);
    }
  }

  /** Rules of kind `aligned` from the narrowest context on, as many as `contexts` says, by their places among {@link ALIGNED_CONTEXTS}. */
  aligned(answer: readonly number[], visit: RuleVisitor, contexts: readonly number[] = EVERY_CONTEXT): void {
    if (this.#alignment === undefined) return;
    const aligned = { source: this.#source, position: this.#alignment.positionAfter(answer), answer };
    for (const context of contexts)
      visit("aligned", context, alignedKey(KIND_SEEDS.aligned, context, aligned), COPIED);
  }

  /** Rules of kind `proceed`: twice, for the token that would be copied and for any. */
  proceed(answer: readonly number[], visit: RuleVisitor): void {
    if (this.#alignment === undefined) return;
    const next = this.#alignment.positionAfter(answer) + 1;
    const copied = this.#source[next];
    if (copied === undefined) return;
    const read = commonSuffix(this.#source, next, answer);
    const length = mixed(KIND_SEEDS.proceed, read);
    visit("proceed", read, mixed(length, copied), copied);
    visit("proceed", read, mixed(length, COPIED), copied);
  }

  /** Rules of kind `continue`: each twice, for the token that would be copied and for any. */
  continue(answer: readonly number[], visit: RuleVisitor): void {
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
  let length = 0;
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

/** Drafts of one answer. */
export class RuleDrafter implements Drafter {
  readonly #rules: DraftRules;
  readonly #most: number;
  readonly #askers: readonly ((answer: readonly number[]) => void)[];
  /** What the best rule so far says, and the parts of its chance. */
  readonly #best = { key: 0, token: COPIED, parts: 0 };

  /** @param most tokens drafted at once. Default: as many as are probable. */
  constructor(rules: DraftRules, source: readonly number[], most = Infinity) {
    this.#rules = rules;
    this.#most = most;
    const places = new RulePlaces(source, rules);
    const visit: RuleVisitor = (_, __, key, copied) => this.#ask(key, copied);
    const visitAfter = (_: number, key: number): boolean => this.#ask(key, COPIED);
    const ask = (kind: RuleKind) =>
      kind === "after"
        ? (answer: readonly number[]) => {
            places.after(answer, visitAfter);
          }
        : (answer: readonly number[]) => {
            places[kind](answer, visit);
          };
    this.#askers = ASKED.filter((kind) => rules.kinds.includes(kind)).map(ask);
  }

  /** At most `room` tokens, while all of them together are probable enough. */
  draft(answer: readonly number[], room: number, end?: number): readonly number[] {
    const tokens = [...answer];
    const count = Math.min(this.#most, room);
    const worth = answer.length === 0 ? WORTH_AT_FIRST : WORTH;
    for (let chance = 1; tokens.length - answer.length < count;) {
      const next = this.next(tokens);
      chance *= next.chance;
      if (chance < worth || next.token === end) break;
      tokens.push(next.token);
    }
    return tokens.slice(answer.length);
  }

  /** The rule that speaks, with what it says here; one with a chance of 0 where none holds. */
  next(answer: readonly number[]): Omit<DraftRule, "kind"> {
    const best = this.#best;
    best.key = 0;
    best.token = COPIED;
    best.parts = 0;
    for (const ask of this.#askers) if (best.parts < SETTLED * CHANCE_PARTS) ask(answer);
    return { key: best.key, token: best.token, chance: best.parts / CHANCE_PARTS };
  }

  /** Whether there is a rule with this key that says a token. */
  #ask(key: number, copied: number): boolean {
    const parts = partsOf(this.#rules, key);
    if (parts === 0) return false;
    const told = tokenOf(this.#rules, key);
    const token = told === COPIED ? copied : told;
    if (token < 0 || token >= this.#rules.vocabularySize) return false;
    const best = this.#best;
    if (parts > best.parts) {
      best.key = key;
      best.token = token;
      best.parts = parts;
    }
    return true;
  }
}
