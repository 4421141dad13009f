/**
 * Draft rules predict the next tokens of an answer from statistics of the training pairs. The host evaluates them, so drafting runs no graph. Only
 * tokens that are probable enough to be worth a row of the next run are drafted.
 *
 * ```
 * kind       applies where                                                   proposes
 * after      the answer ends with these 1 to 5 tokens                        a token
 * given      it ends with these 1 to 4, and this token is in the source      a token
 * copy       it ends with these 1 to 3                                       what follows this token in the source
 * continue   its last 1 to 3 tokens precede this token in the source         this token
 * aligned    it ends with these 1 or 2, and its end is aligned with this     a token
 *            token of the source, among these
 * proceed    its last 0 to 3 tokens are those of the source up to the        this token
 *            aligned one, which is followed by this token
 * ```
 *
 * Of the rules that apply, the one with the highest probability wins. Of kind `after`, only the longest is consulted. Alignment: `source-alignment.ts`.
 *
 * Sources: Ou et al. 2024 (arXiv:2404.08698) and Stewart et al. 2024 (arXiv:2411.03786) for n-gram drafts; Saxena 2023, "Prompt lookup
 * decoding", for copies. The conditions on the source are our own: the answer of an encoder-decoder follows its source.
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

/** Maximum number of answer tokens that a rule reads, by kind; for kind `aligned` the number of contexts. */
const RULE_CONTEXT = {
  after: 5,
  given: 4,
  copy: 3,
  continue: 3,
  aligned: ALIGNED_CONTEXTS.length,
  proceed: 3,
} as const satisfies Readonly<Record<RuleKind, number>>;

/** Kinds in the order in which they are consulted, until a rule is certain enough. */
const ASKED: readonly RuleKind[] = ["after", "aligned", "proceed", "given", "copy", "continue"];

/** A rule with this probability is certain enough: later kinds are not consulted. */
export const SETTLED = 0.9;

/** Tokens are drafted while the probability that all of them are right is above this. One more row costs a fifth to a quarter of a run. */
const WORTH = 0.4;

/** The same for the first run, where more rows also delay the first token. */
const WORTH_AT_FIRST = 0.7;

/** Maximum number of source tokens that rules look at. Later tokens are ignored. */
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

/** Receives a rule that may apply, and the source token that it would copy. */
export type RuleVisitor = (kind: RuleKind, read: number, key: number, copied: number) => void;

/** Lists the rules that may apply at one place of an answer. Keys are those of {@link DraftRule}. */
export class RulePlaces {
  readonly #source: readonly number[];
  readonly #alignment: SourceAlignment | undefined;
  #distinct: readonly number[] | undefined;

  /** @param rules table with the alignment. Default: no alignment */
  constructor(source: readonly number[], rules?: DraftRules) {
    this.#source = source.slice(0, LONGEST_SOURCE);
    this.#alignment = rules && SourceAlignment.of(rules, this.#source);
  }

  /** Rules of kind `after`, the longest first, until `visit` returns true. */
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

  /** Rules of kind `aligned`, from the narrowest context to the widest. @param contexts indices of {@link ALIGNED_CONTEXTS} */
  aligned(answer: readonly number[], visit: RuleVisitor, contexts: readonly number[] = EVERY_CONTEXT): void {
    if (this.#alignment === undefined) return;
    const aligned = { source: this.#source, position: this.#alignment.positionAfter(answer), answer };
    for (const context of contexts)
      visit("aligned", context, alignedKey(KIND_SEEDS.aligned, context, aligned), COPIED);
  }

  /** Rules of kind `proceed`, visited twice: for the token that would be copied, and for any token. */
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

  /** Rules of kind `continue`, each visited twice: for the token that would be copied, and for any token. */
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

/** Number of ids before `at` that equal the last ids of the answer, at most as many as rules read. */
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

/** Hash of the last `read` tokens of an answer. The first of them may be the beginning of the answer. */
function contextKey(kind: RuleKind, answer: readonly number[], read: number): number {
  let key = mixed(KIND_SEEDS[kind], read);
  for (let at = answer.length - read; at < answer.length; at++)
    key = mixed(key, at < 0 ? BEGIN : answer[at]!);
  return key;
}

/** Drafts tokens for one answer. */
export class RuleDrafter implements Drafter {
  readonly #rules: DraftRules;
  readonly #most: number;
  readonly #askers: readonly ((answer: readonly number[]) => void)[];
  /** The token of the best rule so far, and its probability in units of 1 / {@link CHANCE_PARTS}. */
  readonly #best = { key: 0, token: COPIED, parts: 0 };

  /** @param most maximum number of tokens drafted at once. Default: no limit except their probability */
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

  /** Drafts at most `room` tokens, as long as all of them together are probable enough. */
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

  /** The rule that wins at this place, with the token that it proposes. Its probability is 0 if no rule applies. */
  next(answer: readonly number[]): Omit<DraftRule, "kind"> {
    const best = this.#best;
    best.key = 0;
    best.token = COPIED;
    best.parts = 0;
    for (const ask of this.#askers) if (best.parts < SETTLED * CHANCE_PARTS) ask(answer);
    return { key: best.key, token: best.token, chance: best.parts / CHANCE_PARTS };
  }

  /** Whether a rule with this key proposes a token. */
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
