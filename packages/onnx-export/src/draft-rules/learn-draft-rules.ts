/**
 * Learns draft rules from training pairs: what came where a rule holds is counted on nine of ten pairs, the tenth says how often rules of a kind
 * that seemed this sure were right, and rules that no pair needs are left out.
 */
import {
  COPIED,
  draftRulesOf,
  RuleDrafter,
  RulePlaces,
  SETTLED,
  type DraftRule,
  type RuleKind,
  type RuleVisitor,
} from "@slm/runtime";
import { RuleCounts, type Counted } from "./rule-counts.js";

/** A source and its answer, as the student's tokenizer has them, without special tokens. */
export interface TokenPair {
  readonly source: readonly number[];
  readonly target: readonly number[];
}

/** Tokens of answers that rules are learnt from, from the first pair on; more take minutes and a gigabyte, and say little new. */
export const MOST_ANSWER_TOKENS = 400_000;

/** One of so many pairs is held out. */
const HELD_OUT = 10;

/** Places that a rule must have held at. */
const LEAST_PLACES: Readonly<Record<RuleKind, number>> = { after: 2, given: 5, copy: 5, continue: 5 };

/** Rules that are right more seldom are never worth a draft. */
const LEAST_CHANCE = 0.3;

/** A longer rule that says what the shorter one says must say it with a chance that differs by this. */
const NEWS = 0.1;

/** Places at which a rule about the source must have been the one that speaks. */
const LEAST_USES = 2;

/** Cells of equal width that chances are calibrated in. */
const CELLS = 12;

/** The next token of a pair at each place of its answer, and the end behind it. */
function* placesOf({ target }: TokenPair, end: number): Generator<[answer: readonly number[], next: number]> {
  for (let at = 0; at <= target.length; at++) yield [target.slice(0, at), target[at] ?? end];
}

/**
 * Rules of an encoder-decoder's answers. They are learnt from the first pairs, up to {@link MOST_ANSWER_TOKENS}.
 *
 * @param end id of the token behind an answer (EOS)
 */
export function learnDraftRules(pairs: readonly TokenPair[], end: number): readonly DraftRule[] {
  const learner = new RuleLearner(end);
  const some = withinTokens(pairs);
  const counted = some.filter((_, at) => at % HELD_OUT !== HELD_OUT - 1);
  const held = some.filter((_, at) => at % HELD_OUT === HELD_OUT - 1);
  for (const pair of counted) learner.countAnswer(pair);
  for (const pair of counted) learner.countSource(pair);
  for (const pair of held) learner.calibrate(pair);
  const candidates = learner.candidates();
  const uses = usesOf(candidates, some);
  return candidates.filter(({ kind, key }) => kind === "after" || (uses.get(key) ?? 0) >= LEAST_USES);
}

/** The first pairs, whose answers have together about as many tokens as are learnt from. */
function withinTokens(pairs: readonly TokenPair[]): readonly TokenPair[] {
  let tokens = 0;
  const end = pairs.findIndex(({ target }) => (tokens += target.length + 1) > MOST_ANSWER_TOKENS);
  return end === -1 ? pairs : pairs.slice(0, end);
}

/** How often each rule speaks in these pairs, by its key. */
function usesOf(rules: readonly DraftRule[], pairs: readonly TokenPair[]): ReadonlyMap<number, number> {
  const table = draftRulesOf(rules, Infinity);
  const uses = new Map<number, number>();
  for (const { source, target } of pairs) {
    const drafter = new RuleDrafter(table, source);
    for (let at = 0; at <= target.length; at++) {
      const { key } = drafter.next(target.slice(0, at));
      uses.set(key, (uses.get(key) ?? 0) + 1);
    }
  }
  return uses;
}

/** A rule that may be kept. */
interface Candidate extends DraftRule {
  readonly kind: RuleKind;
}

class RuleLearner {
  readonly #end: number;
  readonly #counts = new RuleCounts();
  /** Of each key of kind `after`: the key of the rule that reads a token less. */
  readonly #shorter = new Map<number, number | undefined>();
  /** Right and all answers of the held-out pairs, by kind, tokens read, and cell. */
  readonly #cells = new Map<string, { right: number; all: number }>();

  constructor(end: number) {
    this.#end = end;
  }

  countAnswer(pair: TokenPair): void {
    const places = new RulePlaces(pair.source);
    for (const [answer, next] of placesOf(pair, this.#end)) {
      let longer: number | undefined;
      places.after(answer, (read, key) => {
        this.#counts.addToken("after", read, key, next);
        if (longer !== undefined) this.#shorter.set(longer, key);
        longer = key;
        return false;
      });
    }
  }

  countSource(pair: TokenPair): void {
    const places = new RulePlaces(pair.source);
    for (const [answer, next] of placesOf(pair, this.#end)) {
      const add: RuleVisitor = (kind, read, key, copied) => {
        if (kind === "given") this.#counts.addToken(kind, read, key, next);
        else this.#counts.addCopy(kind, read, key, copied === next);
      };
      places.continued(answer, add);
      if (this.#isSettled(places, answer)) continue;
      // What an answer ended with too seldom cannot hold often enough together with a token of the source.
      const times = this.#timesOf(places, answer);
      places.ofSource(answer, (kind, read, key, copied) => {
        if ((times[read] ?? 0) >= LEAST_PLACES[kind]) add(kind, read, key, copied);
      });
    }
  }

  calibrate(pair: TokenPair): void {
    const places = new RulePlaces(pair.source);
    for (const [answer, next] of placesOf(pair, this.#end)) {
      const seen = new Set<string>();
      const ask = (key: number, copied: number): boolean => {
        const counted = this.#found(key);
        if (counted === undefined) return false;
        const token = counted.token === COPIED ? copied : counted.token;
        const cell = cellOf(counted);
        // Rules that say the same count once.
        if (seen.has(`${cell} ${token}`)) return true;
        seen.add(`${cell} ${token}`);
        const found = this.#cells.get(cell) ?? { right: 0, all: 0 };
        found.all++;
        if (token === next) found.right++;
        this.#cells.set(cell, found);
        return true;
      };
      places.after(answer, (_, key) => ask(key, COPIED));
      if (!this.#isSettled(places, answer)) places.ofSource(answer, (_, __, key, copied) => ask(key, copied));
      places.continued(answer, (_, __, key, copied) => ask(key, copied));
    }
  }

  /** Rules that held often enough and are right often enough; of kind `after` those that say something new. */
  candidates(): readonly Candidate[] {
    const all: Candidate[] = [];
    const after: { readonly read: number; readonly rule: Candidate }[] = [];
    for (const counted of this.#counts.all()) {
      const { key, kind, read, token, total } = counted;
      if (total < LEAST_PLACES[kind]) continue;
      const chance = this.#chance(counted);
      if (kind === "after") after.push({ read, rule: { key, kind, token, chance } });
      else if (chance >= LEAST_CHANCE) all.push({ key, kind, token, chance });
    }
    const kept = new Map<number, Candidate>();
    for (const { rule } of after.toSorted((a, b) => a.read - b.read)) {
      const before = this.#keptBefore(kept, rule.key);
      if (before?.token === rule.token && Math.abs(before.chance - rule.chance) < NEWS) continue;
      kept.set(rule.key, rule);
    }
    return [...kept.values(), ...all];
  }

  /** The longest kept rule of kind `after` that holds wherever this one does. */
  #keptBefore(kept: ReadonlyMap<number, Candidate>, key: number): Candidate | undefined {
    for (let at = this.#shorter.get(key); at !== undefined; at = this.#shorter.get(at)) {
      const found = kept.get(at);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What was counted for a key often enough to be a rule. */
  #found(key: number): Counted | undefined {
    const counted = this.#counts.of(key);
    return counted === undefined || counted.total < LEAST_PLACES[counted.kind] ? undefined : counted;
  }

  /** Whether the longest rule of kind `after` seems sure enough that nothing else is asked. */
  #isSettled(places: RulePlaces, answer: readonly number[]): boolean {
    let isSettled = false;
    places.after(answer, (_, key) => {
      const counted = this.#found(key);
      if (counted !== undefined) isSettled = seeming(counted) >= SETTLED;
      return counted !== undefined;
    });
    return isSettled;
  }

  /** How often what each rule of a place reads of the answer was there, by tokens read. */
  #timesOf(places: RulePlaces, answer: readonly number[]): readonly number[] {
    const times: number[] = [];
    places.after(answer, (read, key) => {
      times[read] = this.#counts.total(key);
      return false;
    });
    return times;
  }

  /** Probability that a rule is right: how often rules like it were, on the pairs that were held out. */
  #chance(counted: Counted): number {
    const { right, all } = this.#cells.get(cellOf(counted)) ?? { right: 0, all: 0 };
    return (right + 1) / (all + 3);
  }
}

/** Share of hits, as if there had been one more miss: what was seen twice is no certainty. */
const seeming = ({ hits, total }: Counted): number => hits / (total + 1);

const cellOf = (counted: Counted): string =>
  `${counted.kind} ${counted.read} ${Math.floor(seeming(counted) * CELLS)}`;
