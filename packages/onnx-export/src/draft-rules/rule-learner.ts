/** Counts where rules hold, calibrates how sure they are, and says which may be kept. */
import {
  ALIGNED_CONTEXTS,
  COPIED,
  RulePlaces,
  SETTLED,
  type DraftRule,
  type DraftRules,
  type RuleKind,
  type RuleVisitor,
} from "@slm/runtime";
import type { TokenPair } from "./learn-alignment.js";
import { RuleCounts, type Counted } from "./rule-counts.js";

/** Places that a rule must have held at. */
const LEAST_PLACES: Readonly<Record<RuleKind, number>> = {
  after: 2,
  given: 5,
  copy: 5,
  continue: 5,
  aligned: 3,
  proceed: 5,
};

/** Rules that are right more seldom are never worth a draft. */
const LEAST_CHANCE = 0.3;

/** A longer rule that says what the shorter one says must say it with a chance that differs by this. */
const NEWS = 0.1;

/** Cells of equal width that chances are calibrated in. */
const CELLS = 12;

/** Of each context of kind `aligned`: the widest before it that reads nothing which it does not read. */
const NARROWER = ALIGNED_CONTEXTS.map(({ upTo, behind, last }, at) =>
  ALIGNED_CONTEXTS.slice(0, at).findLastIndex(
    (other) => other.upTo <= upTo && other.behind <= behind && other.last <= last,
  ),
);

/** The next token of a pair at each place of its answer, and the end behind it. */
function* placesOf({ target }: TokenPair, end: number): Generator<[answer: readonly number[], next: number]> {
  for (let at = 0; at <= target.length; at++) yield [target.slice(0, at), target[at] ?? end];
}

/** A rule that may be kept. */
export interface Candidate extends DraftRule {
  readonly kind: RuleKind;
}

export class RuleLearner {
  readonly #end: number;
  readonly #alignment: DraftRules;
  readonly #counts = new RuleCounts();
  /** Of each key of kind `after`: the key of the rule that reads a token less. */
  readonly #shorter = new Map<number, number | undefined>();
  /** Right and all answers of the held-out pairs, by kind, tokens read, and cell. */
  readonly #cells = new Map<string, { right: number; all: number }>();

  /** @param alignment entries that answers are followed by, as a table */
  constructor(end: number, alignment: DraftRules) {
    this.#end = end;
    this.#alignment = alignment;
  }

  countAnswer(pair: TokenPair): void {
    const places = new RulePlaces(pair.source, this.#alignment);
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
    const places = new RulePlaces(pair.source, this.#alignment);
    for (const [answer, next] of placesOf(pair, this.#end)) {
      const add: RuleVisitor = (kind, read, key, copied) => {
        if (kind === "given") this.#counts.addToken(kind, read, key, next);
        else this.#counts.addCopy(kind, read, key, copied === next);
      };
      places.continued(answer, add);
      if (this.#isSettled(places, answer)) continue;
      places.proceeding(answer, add);
      // What an answer ended with too seldom cannot hold often enough together with a token of the source.
      const times = this.#timesOf(places, answer);
      places.ofSource(answer, (kind, read, key, copied) => {
        if ((times[read] ?? 0) >= LEAST_PLACES[kind]) add(kind, read, key, copied);
      });
    }
  }

  /** Counts rules of one context of kind `aligned`; those of all narrower ones must have been counted. */
  countAligned(pair: TokenPair, context: number): void {
    const places = new RulePlaces(pair.source, this.#alignment);
    const contexts = [Math.max(0, NARROWER[context]!), context];
    for (const [answer, next] of placesOf(pair, this.#end)) {
      if (this.#isSettled(places, answer)) continue;
      let isFrequent = NARROWER[context] === -1;
      places.aligned(
        answer,
        (kind, read, key) => {
          if (read !== context) isFrequent = this.#counts.total(key) >= LEAST_PLACES.aligned;
          else if (isFrequent) this.#counts.addToken(kind, read, key, next);
        },
        contexts,
      );
    }
  }

  calibrate(pair: TokenPair): void {
    const places = new RulePlaces(pair.source, this.#alignment);
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
      const visit: RuleVisitor = (_, __, key, copied) => ask(key, copied);
      if (!this.#isSettled(places, answer)) {
        places.aligned(answer, visit);
        places.proceeding(answer, visit);
        places.ofSource(answer, visit);
      }
      places.continued(answer, visit);
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
