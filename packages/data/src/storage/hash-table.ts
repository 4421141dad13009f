/** Remembers 64-bit hashes of texts with a small number each: 17 bytes an entry at most half full, whatever the texts' lengths. */
import { createHash } from "node:crypto";

const FIRST_CAPACITY = 1024;
/** An empty slot; numbers kept are above it. */
const EMPTY = 0;
const MAX_VALUE = 255;

/**
 * A map from texts to numbers from 1 to 255 that keeps no text.
 *
 * Two texts are taken for one if 64 bits of their SHA-256 agree: for ten million texts that happens in 3 of a million data sets.
 */
export class HashTable {
  #keys = new BigUint64Array(FIRST_CAPACITY);
  #values = new Uint8Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of a text; undefined if it has none. */
  get(text: string): number | undefined {
    const value = this.#values[this.#slotOf(hashOf(text))];
    return value === EMPTY ? undefined : value;
  }

  /** @throws RangeError for a number outside 1 to 255 */
  set(text: string, value: number): void {
    if (!Number.isInteger(value) || value <= EMPTY || value > MAX_VALUE)
      throw new RangeError(`hash table: ${value} is not a number from 1 to ${MAX_VALUE}`);
    if (2 * (this.#size + 1) > this.#keys.length) this.#grow();
    const key = hashOf(text);
    const slot = this.#slotOf(key);
    if (this.#values[slot] === EMPTY) this.#size++;
    this.#keys[slot] = key;
    this.#values[slot] = value;
  }

  /** Remembers a text and says whether it was there before. */
  seen(text: string): boolean {
    if (this.get(text) !== undefined) return true;
    this.set(text, 1);
    return false;
  }

  /** Where a key is or would be: the next free slot after its home (linear probing). */
  #slotOf(key: bigint): number {
    const mask = this.#keys.length - 1;
    let slot = Number(key & BigInt(mask));
    while (this.#values[slot] !== EMPTY && this.#keys[slot] !== key) slot = (slot + 1) & mask;
    return slot;
  }

  #grow(): void {
    const [keys, values] = [this.#keys, this.#values];
    this.#keys = new BigUint64Array(2 * keys.length);
    this.#values = new Uint8Array(2 * keys.length);
    for (let index = 0; index < keys.length; index++) {
      const value = values[index]!;
      if (value === EMPTY) continue;
      const slot = this.#slotOf(keys[index]!);
      this.#keys[slot] = keys[index]!;
      this.#values[slot] = value;
    }
  }
}

function hashOf(text: string): bigint {
  return createHash("sha256").update(text, "utf8").digest().readBigUInt64LE(0);
}
