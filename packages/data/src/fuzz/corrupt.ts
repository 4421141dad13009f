/** Damages files the way disks, editors and attackers do, the same way for the same seed. For tests and `tools/fuzz`. */

/** A random integer from 0 to below the bound. */
export type Random = (bound: number) => number;

/** Numbers that break what multiplies, allocates or counts by them. */
const EDGES = [0x00, 0x01, 0x7f, 0x80, 0xff, 0x0a, 0x0d, 0x22, 0x2c, 0x5b, 0x7b, 0x5c];
const WORDS = [
  "1e999",
  "-1",
  "18446744073709551616",
  "\0",
  "\ufeff",
  '"',
  '""',
  "\r\n",
  "\\ud800",
  "[[[[",
  "null",
  "\u2028",
];

type Edit = (bytes: Uint8Array, at: number, random: Random) => Uint8Array;

/** Edits that leave every other byte where it is: only they get behind the tables of offsets that some formats end in. */
const IN_PLACE: readonly Edit[] = [
  (bytes, at, random) => overwrite(bytes, at, Uint8Array.of(random(256))),
  (bytes, at, random) => overwrite(bytes, at, Uint8Array.of(EDGES[random(EDGES.length)]!)),
  (bytes, at, random) => overwrite(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random(8)))),
  // A long number at seven bits a byte, as Parquet stores its sizes.
  (bytes, at, random) => overwrite(bytes, at, Uint8Array.of(0xff, 0xff, 0xff, 0xff, random(16))),
  (bytes, at, random) =>
    overwrite(
      bytes,
      at,
      Uint8Array.from({ length: 4 }, () => random(256)),
    ),
];

const EDITS: readonly Edit[] = [
  ...IN_PLACE,
  (bytes, at, random) => splice(bytes, at, 1 + random(8), new Uint8Array(0)),
  (bytes, at, random) =>
    splice(bytes, at, 0, bytes.subarray(random(bytes.length + 1)).subarray(0, 1 + random(64))),
  (bytes, at, random) => splice(bytes, at, 0, Buffer.from(WORDS[random(WORDS.length)]!)),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at, random) => splice(bytes, at, 0, new Uint8Array(1 + random(4096)).fill(random(256))),
];

/** A copy of a file with one to eight edits, in half of the files only such that move nothing. */
export function damage(original: Uint8Array, random: Random): Uint8Array {
  let bytes = original;
  const edits = random(2) === 0 ? IN_PLACE : EDITS;
  for (let left = 1 + random(1 + random(8)); left > 0; left--) {
    const edit = edits[random(edits.length)]!;
    bytes = edit(bytes, random(bytes.length + 1), random);
  }
  return bytes;
}

/** Source: mulberry32 (Tommy Ettinger), 32 bits of state. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

function overwrite(bytes: Uint8Array, at: number, added: Uint8Array): Uint8Array {
  return splice(bytes, at, added.length, added.subarray(0, bytes.length - at));
}

function splice(bytes: Uint8Array, at: number, removed: number, added: Uint8Array): Uint8Array {
  const end = Math.min(bytes.length, at + removed);
  const result = new Uint8Array(bytes.length - (end - at) + added.length);
  result.set(bytes.subarray(0, at));
  result.set(added, at);
  result.set(bytes.subarray(end), at + added.length);
  return result;
}
