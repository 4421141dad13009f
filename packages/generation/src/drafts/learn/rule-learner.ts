/** Counts where candidate rules apply, calibrates their probabilities, and selects the rules that may be kept. */
import { COPIED, type DraftRule, type DraftRules, type RuleKind } from "../rule-table.js";
import { RulePlaces, SETTLED, type RuleVisitor } from "../rules.js";
import { ALIGNED_CONTEXTS } from "../source-alignment.js";
import type { TokenPair } from "./learn-alignment.js";
import { RuleCounts, type Counted } from "./rule-counts.js";

/** Minimum number of places at which a rule must have applied. */
const LEAST_PLACES: Readonly<Record<RuleKind, number>> = {
  after: 2,
  given: 5,
  copy: 5,
  continue: 5,
  aligned: 2,
  proceed: 5,
};

/** Rules that are right less often than this are never worth a draft. */
const LEAST_CHANCE = 0.3;

/** A longer rule that proposes the same token as the shorter one is kept only if its probability differs by this much. */
const NEWS = 0.1;

/** Number of equally wide bins for calibrating probabilities. */
const CELLS = 12;

/** Rules are calibrated in groups, by how often they applied: these are the lower bounds. */
const TIMES = [6, 15, 60];

/** Kinds that are consulted if the last tokens of the answer alone do not determine the next token. */
const OPEN_KINDS = ["aligned", "proceed", "given", "copy"] as const;

/** For each context of kind `aligned`, the widest earlier context that reads a subset of its tokens. */
const NARROWER = ALIGNED_CONTEXTS.map(({ upTo, behind, last }, at) =>
  ALIGNED_CONTEXTS.slice(0, at).findLastIndex(
    (other) => other.upTo <= upTo && other.behind <= behind && other.last <= last,
  ),
);

/** A rule that may be kept. */
export interface Candidate extends DraftRule {
  readonly kind: RuleKind;
}

/** A pair and the places of its answer at which the last tokens alone do not determine the next one. */
interface OpenPair {
  readonly pair: TokenPair;
  readonly places: RulePlaces;
  readonly open: readonly number[];
}

export class RuleLearner {
  readonly #end: number;
  readonly #alignment: DraftRules;
  readonly #counts = new RuleCounts();
  /** For each key of kind `after`, the key of the rule that reads one token less. */
  readonly #shorter = new Map<number, number | undefined>();
  /** Number of right and of all predictions on held-out pairs, by kind, tokens read, and bin. */
  readonly #cells = new Map<string, { right: number; all: number }>();

  /** @param alignment table of entries that align answers with their sources */
  constructor(end: number, alignment: DraftRules) {
    this.#end = end;
    this.#alignment = alignment;
  }

  /** Counts where rules of all kinds apply in these pairs. */
  count(pairs: readonly TokenPair[]): void {
    for (const pair of pairs) this.#countAnswer(pair);
    const opened = pairs.map((pair) => this.#opened(pair));
    for (const one of opened) this.#countSource(one);
    for (const context of ALIGNED_CONTEXTS.keys()) for (const one of opened) this.#countAligned(one, context);
  }

  #countAnswer({ source, target }: TokenPair): void {
    const places = new RulePlaces(source);
    for (let at = 0; at <= target.length; at++) {
      let longer: number | undefined;
      places.after(target.slice(0, at), (read, key) => {
        this.#counts.addToken("after", read, key, target[at] ?? this.#end);
        if (longer !== undefined) this.#shorter.set(longer, key);
        longer = key;
        return false;
      });
    }
  }

  #opened(pair: TokenPair): OpenPair {
    const places = new RulePlaces(pair.source, this.#alignment);
    const open = [];
    for (let at = 0; at <= pair.target.length; at++)
      if (!this.#isSettled(places, pair.target.slice(0, at))) open.push(at);
    return { pair, places, open };
  }

  #countSource({ pair: { target }, places, open }: OpenPair): void {
    const isOpen = new Set(open);
    for (let at = 0; at <= target.length; at++) {
      const answer = target.slice(0, at);
      const next = target[at] ?? this.#end;
      const add: RuleVisitor = (kind, read, key, copied) => {
        if (kind === "given") this.#counts.addToken(kind, read, key, next);
        else this.#counts.addCopy(kind, read, key, copied === next);
      };
      places.continue(answer, add);
      if (!isOpen.has(at)) continue;
      places.proceed(answer, add);
      // If the end of the answer is rare, its combination with a source token is too.
      const times = this.#timesOf(places, answer);
      const addFrequent: RuleVisitor = (kind, read, key, copied) => {
        if ((times[read] ?? 0) >= LEAST_PLACES[kind]) add(kind, read, key, copied);
      };
      places.given(answer, addFrequent);
      places.copy(answer, addFrequent);
    }
  }

  /**
   * Counts rules of one context of kind `aligned` where a narrower rule applied often enough. All narrower contexts must have been counted before.
   */
  #countAligned({ pair: { target }, places, open }: OpenPair, context: number): void {
    const narrower = NARROWER[context]!;
    const contexts = narrower === -1 ? [context] : [narrower, context];
    for (const at of open) {
      let isFrequent = narrower === -1;
      const visit: RuleVisitor = (kind, read, key) => {
        if (read !== context) isFrequent = this.#counts.total(key) >= LEAST_PLACES.aligned;
        else if (isFrequent) this.#counts.addToken(kind, read, key, target[at] ?? this.#end);
      };
      places.aligned(target.slice(0, at), visit, contexts);
    }
  }

  /** Counts how often rules are right in a held-out pair, by their estimated probability. */
  calibrate(pair: TokenPair): void {
    const { places, open } = this.#opened(pair);
    const isOpen = new Set(open);
    for (let at = 0; at <= pair.target.length; at++) {
      const answer = pair.target.slice(0, at);
      const seen = new Set<string>();
      const ask = (key: number, copied: number): boolean => {
        const counted = this.#found(key);
        if (counted === undefined) return false;
        const token = counted.token === COPIED ? copied : counted.token;
        const cell = cellOf(counted);
        // Rules that propose the same token count once.
        if (seen.has(`${cell} ${token}`)) return true;
        seen.add(`${cell} ${token}`);
        const found = this.#cells.get(cell) ?? { right: 0, all: 0 };
        found.all++;
        if (token === (pair.target[at] ?? this.#end)) found.right++;
        this.#cells.set(cell, found);
        return true;
      };
      const visit: RuleVisitor = (_, __, key, copied) => ask(key, copied);
      places.after(answer, (_, key) => ask(key, COPIED));
      if (isOpen.has(at)) for (const kind of OPEN_KINDS) places[kind](answer, visit);
      places.continue(answer, visit);
    }
  }

  /** Rules that applied often enough and are right often enough. Rules of kind `after` must also add information. */
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

  /** The longest kept rule of kind `after` that applies wherever this one does. */
  #keptBefore(kept: ReadonlyMap<number, Candidate>, key: number): Candidate | undefined {
    for (let at = this.#shorter.get(key); at !== undefined; at = this.#shorter.get(at)) {
      const found = kept.get(at);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** The counts for a key that applied often enough to become a rule. */
  #found(key: number): Counted | undefined {
    const counted = this.#counts.of(key);
    return counted === undefined || counted.total < LEAST_PLACES[counted.kind] ? undefined : counted;
  }

  /** Whether the longest rule of kind `after` seems certain enough that no other kind is consulted. */
  #isSettled(places: RulePlaces, answer: readonly number[]): boolean {
    let isSettled = false;
    places.after(answer, (_, key) => {
      const counted = this.#found(key);
      if (counted !== undefined) isSettled = seeming(counted) >= SETTLED;
      return counted !== undefined;
    });
    return isSettled;
  }

  /** How often the context of each rule at a place occurred in answers, by tokens read. */
  #timesOf(places: RulePlaces, answer: readonly number[]): readonly number[] {
    const times: number[] = [];
    places.after(answer, (read, key) => {
      times[read] = this.#counts.total(key);
      return false;
    });
    return times;
  }

  /** Probability that a rule is right: how often similar rules were right on the held-out pairs. */
  #chance(counted: Counted): number {
    const { right, all } = this.#cells.get(cellOf(counted)) ?? { right: 0, all: 0 };
    return (right + 1) / (all + 3);
  }
}

/** Share of hits with one extra miss, so that a rule seen only twice is not certain. */
const seeming = ({ hits, total }: Counted): number => hits / (total + 1);

const cellOf = (counted: Counted): string =>
  `${counted.kind} ${counted.read} ${Math.floor(seeming(counted) * CELLS)} ${TIMES.findLastIndex((times) => counted.total >= times)}`;
