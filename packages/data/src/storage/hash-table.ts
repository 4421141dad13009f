/** Maps 64-bit hashes of texts to small numbers: 17 bytes per slot, at most half of them full, for texts of any length. */
import { createHash } from "node:crypto";

const FIRST_CAPACITY = 1024;
/** Marks an empty slot; stored numbers are larger. */
const EMPTY = 0;
const MAX_VALUE = 255;

/**
 * A map from texts to numbers from 1 to 255 that does not store the texts.
 *
 * Two texts are treated as equal if 64 bits of their SHA-256 agree. With ten million texts this happens in 3 of a million data sets.
 */
export class HashTable {
  #keys = new BigUint64Array(FIRST_CAPACITY);
  #values = new Uint8Array(FIRST_CAPACITY);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** The number of a text; undefined if the text is unknown. */
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

  /** Adds a text and returns whether it was already present. */
  seen(text: string): boolean {
    if (this.get(text) !== undefined) return true;
    this.set(text, 1);
    return false;
  }

  /** The slot of a key, or the free slot where it would be (linear probing). */
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
