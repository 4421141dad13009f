/** How often what may become rules held, and what came then. */
import { COPIED, mixed, RULE_KINDS, type RuleKind } from "@slm/runtime";

/** What was seen where a key holds. */
export interface Counted {
  readonly key: number;
  readonly kind: RuleKind;
  /** Tokens of the answer that the rule reads. */
  readonly read: number;
  /** The most frequent token, or {@link COPIED}. */
  readonly token: number;
  /** Times that it came. */
  readonly hits: number;
  /** Times that the key held. */
  readonly total: number;
}

/** Counts by key. Two keys of one hash are one: of millions that happens to a few hundred, whose drafts are wrong and cost a row. */
export class RuleCounts {
  readonly #slots = new Map<number, number>();
  readonly #pairs = new Map<number, number>();
  readonly #keys: number[] = [];
  readonly #kinds: number[] = [];
  readonly #reads: number[] = [];
  readonly #tokens: number[] = [];
  readonly #hits: number[] = [];
  readonly #totals: number[] = [];

  /** A place where a key holds and this token came. */
  addToken(kind: RuleKind, read: number, key: number, token: number): void {
    const slot = this.#slotOf(kind, read, key, token);
    this.#totals[slot]!++;
    const pair = mixed(key, token);
    const times = (this.#pairs.get(pair) ?? 0) + 1;
    this.#pairs.set(pair, times);
    if (times <= this.#hits[slot]!) return;
    this.#hits[slot] = times;
    this.#tokens[slot] = token;
  }

  /** A place where a key holds, and whether the token came that it points at. */
  addCopy(kind: RuleKind, read: number, key: number, isCopied: boolean): void {
    const slot = this.#slotOf(kind, read, key, COPIED);
    this.#totals[slot]!++;
    if (isCopied) this.#hits[slot]!++;
  }

  of(key: number): Counted | undefined {
    const slot = this.#slots.get(key);
    return slot === undefined ? undefined : this.#at(slot);
  }

  /** Times that a key held. */
  total(key: number): number {
    const slot = this.#slots.get(key);
    return slot === undefined ? 0 : this.#totals[slot]!;
  }

  /** All that was counted, in the order in which it was first seen. */
  *all(): Generator<Counted> {
    for (let slot = 0; slot < this.#keys.length; slot++) yield this.#at(slot);
  }

  #at(slot: number): Counted {
    return {
      key: this.#keys[slot]!,
      kind: RULE_KINDS[this.#kinds[slot]!]!,
      read: this.#reads[slot]!,
      token: this.#tokens[slot]!,
      hits: this.#hits[slot]!,
      total: this.#totals[slot]!,
    };
  }

  #slotOf(kind: RuleKind, read: number, key: number, token: number): number {
    const known = this.#slots.get(key);
    if (known !== undefined) return known;
    const slot = this.#keys.push(key) - 1;
    this.#slots.set(key, slot);
    this.#kinds.push(RULE_KINDS.indexOf(kind));
    this.#reads.push(read);
    this.#tokens.push(token);
    this.#hits.push(0);
    this.#totals.push(0);
    return slot;
  }
}
