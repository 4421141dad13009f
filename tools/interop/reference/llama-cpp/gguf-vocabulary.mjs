/** Writes a GGUF file that holds a vocabulary and no tensors: enough for llama.cpp to tokenize. */
import { writeFileSync } from "node:fs";

/**
 * A pair of metadata: its key, the type of its value or of the items of a list, and the value.
 *
 * @typedef {readonly [key: string, type: keyof typeof TYPES, value: Item | readonly Item[]]} Pair
 * @typedef {string | number | boolean} Item
 */

const TYPES = { u8: 0, u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 };

const u32 = (/** @type {number} */ value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const u64 = (/** @type {number} */ value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const text = (/** @type {Item} */ value) => {
  const bytes = Buffer.from(String(value), "utf8");
  return Buffer.concat([u64(bytes.length), bytes]);
};
/** @type {Readonly<Record<string, (value: Item) => Buffer>>} */
const ITEMS = {
  u8: (value) => Buffer.of(Number(value)),
  u32: (value) => u32(Number(value)),
  i32: (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(Number(value));
    return bytes;
  },
  f32: (value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(Number(value));
    return bytes;
  },
  bool: (value) => Buffer.of(value ? 1 : 0),
  string: text,
};

/** `pairs` is a list of [key, type, value]; a list of values becomes an array. */
export function writeVocabulary(/** @type {string} */ file, /** @type {readonly Pair[]} */ pairs) {
  /** @type {Buffer[]} */
  const parts = [Buffer.from("GGUF"), u32(3), u64(0), u64(pairs.length)];
  for (const [key, type, value] of pairs) {
    const bytesOf = (/** @type {Item} */ item) => ITEMS[type]?.(item) ?? Buffer.alloc(0);
    parts.push(text(key));
    if (Array.isArray(value)) {
      parts.push(u32(TYPES.array), u32(TYPES[type]), u64(value.length), ...value.map(bytesOf));
    } else parts.push(u32(TYPES[type]), bytesOf(/** @type {Item} */ (value)));
  }
  parts.push(Buffer.alloc(-Buffer.concat(parts).length & 31));
  writeFileSync(file, Buffer.concat(parts));
}
