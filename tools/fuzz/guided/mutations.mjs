/** Changes inputs: bits, bytes, numbers, pieces, words of the format, and pieces of other inputs. */

/** Numbers at the edges of their types. */
const EDGES = [
  0,
  1,
  2,
  7,
  8,
  15,
  16,
  31,
  32,
  63,
  64,
  100,
  127,
  128,
  255,
  256,
  512,
  1023,
  1024,
  4095,
  4096,
  32_767,
  32_768,
  65_535,
  65_536,
  2 ** 20,
  2 ** 24,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];

/** Longest piece to remove, repeat or move [bytes]. */
const PIECE = 96;

/**
 * A random whole number below its argument.
 *
 * @typedef {(limit: number) => number} Below
 */

/**
 * Sources of changes: random numbers, words of the format, and another input.
 *
 * @typedef {{ below: Below, words: readonly Buffer[], other: Buffer }} Means
 */

/** @type {(bytes: Buffer, below: Below) => [from: number, to: number]} */
const piece = (bytes, below) => {
  const from = below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(PIECE))];
};

const put = (
  /** @type {Buffer} */ bytes,
  /** @type {number} */ at,
  /** @type {Buffer} */ inserted,
  removed = 0,
) => Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);

/**
 * One row per kind of change. Inputs must have at least one byte.
 *
 * @type {readonly ((bytes: Buffer, means: Means) => Buffer)[]}
 */
const CHANGES = [
  function bit(bytes, { below }) {
    const at = below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << below(8));
    return bytes;
  },
  function byte(bytes, { below }) {
    bytes[below(bytes.length)] = below(256);
    return bytes;
  },
  function step(bytes, { below }) {
    const at = below(bytes.length);
    bytes[at] = (bytes[at] ?? 0) + 1 + below(16) - 8;
    return bytes;
  },
  function number(bytes, { below }) {
    const width = 1 << below(4);
    if (bytes.length < width) return bytes;
    const at = below(bytes.length - width + 1);
    const value = BigInt(EDGES[below(EDGES.length)] ?? 0);
    const signed = below(4) === 0 ? -value : value;
    for (let index = 0; index < width; index += 1)
      bytes[at + index] = Number((BigInt.asUintN(64, signed) >> BigInt(8 * index)) & 255n);
    return bytes;
  },
  function digits(bytes, { below }) {
    const from = below(bytes.length);
    const at = bytes.findIndex((one, index) => index >= from && one >= 48 && one <= 57);
    if (at < 0) return bytes;
    let end = at;
    const isDigit = (one = 0) => one >= 48 && one <= 57;
    while (end < bytes.length && isDigit(bytes[end])) end += 1;
    const texts = [String(EDGES[below(EDGES.length)]), "-1", "1e999", "0.5", "9".repeat(25)];
    return put(bytes, at, Buffer.from(texts[below(texts.length)] ?? ""), end - at);
  },
  function remove(bytes, { below }) {
    const [from, to] = piece(bytes, below);
    return put(bytes, from, Buffer.alloc(0), to - from);
  },
  function cut(bytes, { below }) {
    return bytes.subarray(0, 1 + below(bytes.length));
  },
  function repeat(bytes, { below }) {
    const [from, to] = piece(bytes, below);
    const times = 1 + below(below(8) === 0 ? 64 : 3);
    return put(bytes, from, Buffer.concat(Array(times).fill(bytes.subarray(from, to))));
  },
  function move(bytes, { below }) {
    const [from, to] = piece(bytes, below);
    return put(bytes, below(bytes.length), bytes.subarray(from, to));
  },
  function word(bytes, { below, words }) {
    if (words.length === 0) return bytes;
    const at = below(bytes.length + 1);
    return put(bytes, at, words[below(words.length)] ?? Buffer.alloc(0), below(2) * below(8));
  },
  function splice(bytes, { below, other }) {
    return Buffer.concat([bytes.subarray(0, below(bytes.length)), other.subarray(below(other.length + 1))]);
  },
  function graft(bytes, { below, other }) {
    if (other.length === 0) return bytes;
    const [from, to] = piece(other, below);
    return put(bytes, below(bytes.length), other.subarray(from, to), below(2) * (to - from));
  },
];

/**
 * A changed copy of an input.
 *
 * @param below a random whole number below its argument
 * @param words texts of the format
 * @param other another input
 * @param longest [bytes]
 */
export function changed(
  /** @type {Buffer} */ input,
  /** @type {Means & { longest: number }} */ { below, words, other, longest },
) {
  let bytes = Buffer.from(input);
  const rounds = 1 << below(5);
  for (let round = 0; round < rounds; round += 1) {
    if (bytes.length === 0) bytes = Buffer.from([below(256)]);
    bytes = Buffer.from(CHANGES[below(CHANGES.length)]?.(bytes, { below, words, other }) ?? bytes);
  }
  return bytes.subarray(0, longest);
}
