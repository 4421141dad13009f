/** Seeded damage to a file of bytes: the same seed gives the same damage. */

import { randomNumbers } from "../lib/random-numbers.mjs";

const INTERESTING = [
  0n,
  1n,
  7n,
  31n,
  255n,
  65_536n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 40n,
  2n ** 63n,
  2n ** 64n - 1n,
];

/** One row per kind of damage; `at` prefers the descriptions at the beginning of the file. */
const DAMAGE = [
  function changeByte(bytes, at, random) {
    bytes[at] ^= 1 << Math.floor(random() * 8);
    return bytes;
  },
  function changeBytes(bytes, at, random) {
    for (let index = at; index < Math.min(bytes.length, at + 16); index += 1) bytes[index] = random() * 256;
    return bytes;
  },
  function writeNumber(bytes, at, random) {
    const number = INTERESTING[Math.floor(random() * INTERESTING.length)];
    const width = random() < 0.5 ? 4 : 8;
    if (at + width > bytes.length) return bytes;
    if (width === 4) bytes.writeUInt32LE(Number(BigInt.asUintN(32, number)), at);
    else bytes.writeBigUInt64LE(BigInt.asUintN(64, number), at);
    return bytes;
  },
  function addToByte(bytes, at, random) {
    bytes[at] = bytes[at] + (random() < 0.5 ? 1 : 255);
    return bytes;
  },
  (bytes, at) => bytes.subarray(0, at),
  function remove(bytes, at, random) {
    const end = at + Math.floor(random() * 64);
    return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
  },
  function repeat(bytes, at, random) {
    const end = at + Math.floor(random() * 64);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
  },
  function move(bytes, at, random) {
    const from = Math.floor(random() * bytes.length);
    bytes.copy(bytes, at, from, from + Math.floor(random() * 64));
    return bytes;
  },
];

/** One to four pieces of damage; four of five lie in the first `header` bytes. */
export function mutate(original, header, seed) {
  const random = randomNumbers(seed);
  let bytes = Buffer.from(original);
  const rounds = 1 + Math.floor(random() * 4);
  for (let round = 0; round < rounds && bytes.length > 0; round += 1) {
    const range = random() < 0.8 ? Math.min(header, bytes.length) : bytes.length;
    const at = Math.floor(random() * range);
    bytes = Buffer.from(DAMAGE[Math.floor(random() * DAMAGE.length)](bytes, at, random));
  }
  return bytes;
}
