/** How often what may become rules held, and what came then. */
import { COPIED, mixed, type RuleKind } from "../rule-table.js";

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
  /** Places in the arrays below and one, by key. */
  readonly #slots = new KeyedCounts();
  readonly #pairs = new KeyedCounts();
  readonly #keys: number[] = [];
  readonly #kinds: RuleKind[] = [];
  readonly #reads: number[] = [];
  readonly #tokens: number[] = [];
  readonly #hits: number[] = [];
  readonly #totals: number[] = [];

  /** A place where a key holds and this token came. */
  addToken(kind: RuleKind, read: number, key: number, token: number): void {
    const slot = this.#slotOf(kind, read, key, token);
    this.#totals[slot]!++;
    const times = this.#pairs.add(mixed(key, token), 1);
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
    return slot === 0 ? undefined : this.#at(slot - 1);
  }

  /** Times that a key held. */
  total(key: number): number {
    const slot = this.#slots.get(key);
    return slot === 0 ? 0 : this.#totals[slot - 1]!;
  }

  /** All that was counted, in the order in which it was first seen. */
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

/** Counts by int32 keys, of which none is 0: a hash table of open addressing that doubles when it is half full. Millions of keys take a third of a Map's time. */
class KeyedCounts {
  #keys = new Int32Array(2 ** 16);
  #counts = new Int32Array(2 ** 16);
  #size = 0;

  /** 0 for a key that is not there. */
  get(key: number): number {
    return this.#counts[this.#placeOf(key)]!;
  }

  /** @returns the count of the key with what is added */
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
