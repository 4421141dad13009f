/** Identifies pairs by content: equal source and target tokens have the same key, independent of file and row. */
import { createHash } from "node:crypto";
import type { ScoredPair } from "../models/teacher.js";

/** Bytes of a key. Among 10^9 pairs, the probability of a collision is 10^-11. */
export const KEY_BYTES = 12;

/** The first {@link KEY_BYTES} of the SHA-256 of: source length, source tokens, target tokens, each a little-endian u32. */
export function keyOf({ source, target }: ScoredPair): Buffer {
  const words = Buffer.allocUnsafe(4 * (1 + source.length + target.length));
  let at = words.writeUInt32LE(source.length, 0);
  for (let i = 0; i < source.length; i++) at = words.writeUInt32LE(source[i]!, at);
  for (let i = 0; i < target.length; i++) at = words.writeUInt32LE(target[i]!, at);
  return createHash("sha256").update(words).digest().subarray(0, KEY_BYTES);
}

/** The number in the first `count` bits of a key; `count` is at most 32. */
export function keyBits(key: Buffer, count: number): number {
  return count === 0 ? 0 : key.readUInt32BE(0) >>> (32 - count);
}
