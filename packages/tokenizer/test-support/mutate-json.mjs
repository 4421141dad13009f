/** Damages a JSON text as disks, editors and attackers might. The same seed does the same damage. */

/** Numbers in [0, bound) from a seed. Source: mulberry32 (Ettinger). */
function randomOf(seed) {
  let state = (seed * 0x9e3779b1) >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  };
}

/** Values that parsers often get wrong. */
const HOSTILE = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e9,
  2 ** 31,
  2 ** 53,
  1e308,
  "",
  " ",
  "\u0000",
  "\ufeff",
  "constructor",
  "__proto__",
  "x".repeat(5000),
  "(",
  "[a-",
  "(?<=",
  "\\p{Nonsense}",
  "a{1,99999}",
  [],
  [[]],
  [null],
  [[1, 2, 3]],
  {},
  { type: "ByteLevel" },
  { type: "Nonsense" },
  { Regex: "(" },
  { Regex: "" },
  { String: "" },
  { String: "a" },
];

/** Deepest level that is edited. */
const MAX_DEPTH = 12;

/** Paths to all values, as lists of keys; at most `limit` children of each container. */
function placesOf(value, random, limit = 12, path = []) {
  if (typeof value !== "object" || value === null || path.length >= MAX_DEPTH) return [path];
  const keys = Object.keys(value);
  const chosen = keys.length <= limit ? keys : Array.from({ length: limit }, () => keys[random(keys.length)]);
  return [path, ...chosen.flatMap((key) => placesOf(value[key], random, limit, [...path, key]))];
}

/** A copy with one changed value. `change` receives the old value; undefined deletes it. */
function changed(value, [key, ...rest], change) {
  if (key === undefined) return change(value);
  const copy = Array.isArray(value) ? [...value] : { ...value };
  const next = changed(copy[key], rest, change);
  if (next !== undefined) copy[key] = next;
  else if (Array.isArray(copy)) copy.splice(Number(key), 1);
  else delete copy[key];
  return copy;
}

const STRUCTURAL = [
  (value, path, random) => changed(value, path, () => HOSTILE[random(HOSTILE.length)]),
  (value, path) => changed(value, path, () => undefined),
  (value, path) => changed(value, path, (old) => [old, old]),
  (value, path) => changed(value, path, (old) => ({ type: "Sequence", old })),
  // Deeply nested: code that walks a value must not overflow the stack.
  (value, path, random) =>
    changed(value, path, (old) => {
      let nested = old;
      for (let level = random(2000); level > 0; level--) nested = random(2) === 0 ? [nested] : { a: nested };
      return nested;
    }),
  (value, path) =>
    changed(value, path, (old) =>
      typeof old === "string" ? `${old}${old}` : typeof old === "number" ? -old : old,
    ),
  (value, path, random) =>
    changed(value, path, (old) => (typeof old === "number" ? old + random(5000) - 100 : old)),
];

const BYTES = [
  (bytes, at, random) =>
    Buffer.concat([bytes.subarray(0, at), Buffer.of(random(256)), bytes.subarray(at + 1)]),
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random(40))]),
  (bytes, at, random) => Buffer.concat([bytes.subarray(0, at + random(40)), bytes.subarray(at)]),
  (bytes, at) => bytes.subarray(0, at),
  (bytes, at) => Buffer.concat([bytes.subarray(0, at), Buffer.from("-1e9"), bytes.subarray(at)]),
];

/** The bytes of a JSON text after one to three edits of its values or of its bytes. */
export function mutateJson(text, seed) {
  const random = randomOf(seed);
  if (random(100) < 30) {
    let bytes = Buffer.from(text);
    for (let edits = 1 + random(3); edits > 0; edits--) {
      bytes = BYTES[random(BYTES.length)](bytes, random(bytes.length + 1), random);
    }
    return bytes;
  }
  let value = JSON.parse(text);
  for (let edits = 1 + random(3); edits > 0; edits--) {
    const places = placesOf(value, random);
    value = STRUCTURAL[random(STRUCTURAL.length)](value, places[random(places.length)], random);
    if (value === undefined) return Buffer.alloc(0);
  }
  return Buffer.from(JSON.stringify(value));
}
