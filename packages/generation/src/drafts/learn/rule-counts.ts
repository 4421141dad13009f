/** Counts how often candidate rules applied and which token followed. */
import { COPIED, mixed, type RuleKind } from "../rule-table.js";

/** What was counted for one key. */
export interface Counted {
  readonly key: number;
  readonly kind: RuleKind;
  /** Number of answer tokens that the rule reads. */
  readonly read: number;
  /** The most frequent token, or {@link COPIED}. */
  readonly token: number;
  /** How often that token followed. */
  readonly hits: number;
  /** How often the key applied. */
  readonly total: number;
}

/** Counts by key. Keys with equal hashes share a count. Of millions of keys, a few hundred collide; their drafts are wrong and cost a row. */
export class RuleCounts {
  /** Index in the arrays below plus one, by key. */
  readonly #slots = new KeyedCounts();
  readonly #pairs = new KeyedCounts();
  readonly #keys: number[] = [];
  readonly #kinds: RuleKind[] = [];
  readonly #reads: number[] = [];
  readonly #tokens: number[] = [];
  readonly #hits: number[] = [];
  readonly #totals: number[] = [];

  /** Records a place where a key applies and this token followed. */
  addToken(kind: RuleKind, read: number, key: number, token: number): void {
    const slot = this.#slotOf(kind, read, key, token);
    this.#totals[slot]!++;
    const times = this.#pairs.add(mixed(key, token), 1);
    if (times <= this.#hits[slot]!) return;
    this.#hits[slot] = times;
    this.#tokens[slot] = token;
  }

  /** Records a place where a key applies, and whether the token that it would copy followed. */
  addCopy(kind: RuleKind, read: number, key: number, isCopied: boolean): void {
    const slot = this.#slotOf(kind, read, key, COPIED);
    this.#totals[slot]!++;
    if (isCopied) this.#hits[slot]!++;
  }

  of(key: number): Counted | undefined {
    const slot = this.#slots.get(key);
    return slot === 0 ? undefined : this.#at(slot - 1);
  }

  /** How often a key applied. */
  total(key: number): number {
    const slot = this.#slots.get(key);
    return slot === 0 ? 0 : this.#totals[slot - 1]!;
  }

  /** All counts, in the order in which their keys were first seen. */
  *all(): Generator<Counted> {
    for (let slot = 0; slot < this.#keys.length; slot++) yield this.#at(slot);
  }

  #at(slot: number): Counted {
    return {
      key: this.#keys[slot]!,
      kind: this.#kinds[slot]!,
      read: this.#reads[slot]!,
      token: this.#tokens[slot]!,
      hits: this.#hits[slot]!,
      total: this.#totals[slot]!,
    };
  }

  #slotOf(kind: RuleKind, read: number, key: number, token: number): number {
    const known = this.#slots.get(key);
    if (known !== 0) return known - 1;
    const length = this.#keys.push(key);
    this.#slots.add(key, length);
    this.#kinds.push(kind);
    this.#reads.push(read);
    this.#tokens.push(token);
    this.#hits.push(0);
    this.#totals.push(0);
    return length - 1;
  }
}

/**
 * Counts by non-zero int32 key: a hash table with open addressing that doubles when it is half full. With millions of keys it takes a third of a
 * Map's time.
 */
class KeyedCounts {
  #keys = new Int32Array(2 ** 16);
  #counts = new Int32Array(2 ** 16);
  #size = 0;

  /** 0 if the key is absent. */
  get(key: number): number {
    return this.#counts[this.#placeOf(key)]!;
  }

  /** Adds to the count of a key. @returns the new count */
  add(key: number, count: number): number {
    const place = this.#placeOf(key);
    if (this.#keys[place] === 0) {
      if (2 * this.#size >= this.#keys.length) {
        this.#grow();
        return this.add(key, count);
      }
      this.#keys[place] = key;
      this.#size++;
    }
    return (this.#counts[place]! += count);
  }

  #placeOf(key: number): number {
    const mask = this.#keys.length - 1;
    let place = key & mask;
    for (let found = this.#keys[place]; found !== 0 && found !== key; found = this.#keys[place])
      place = (place + 1) & mask;
    return place;
  }

  #grow(): void {
    const [keys, counts] = [this.#keys, this.#counts];
    this.#keys = new Int32Array(2 * keys.length);
    this.#counts = new Int32Array(2 * keys.length);
    for (const [at, key] of keys.entries()) {
      if (key === 0) continue;
      const place = this.#placeOf(key);
      this.#keys[place] = key;
      this.#counts[place] = counts[at]!;
    }
  }
}
