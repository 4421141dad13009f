/** Corrupts the files of a model directory as disks, downloads and attackers might; deterministic for a seed. */

export type Files = Readonly<Record<string, Uint8Array>>;

/** A number in [0, 1) per call. Source: mulberry32, public domain, by Tommy Ettinger. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

type Random = () => number;
const pick = <T>(random: Random, items: readonly T[]): T => items[Math.floor(random() * items.length)]!;
const below = (random: Random, limit: number): number => Math.floor(random() * limit);

const STRANGE: readonly unknown[] = [
  null,
  true,
  "",
  "x",
  "../../config.json",
  "/etc/hostname",
  "F64",
  "float4",
  [],
  {},
  [[]],
  -1,
  0,
  1,
  3,
  0.5,
  1e308,
  -1e-300,
  2 ** 31,
  2 ** 53,
  2 ** 63,
  1e6,
  "full_attention",
  "yarn",
  "dynamic",
  "GPT2LMHeadModel",
  "gelu",
];

type Damage = (bytes: Uint8Array, random: Random) => Uint8Array;

const BYTES: readonly Damage[] = [
  (bytes, random) => bytes.slice(0, below(random, bytes.length + 1)),
  (bytes, random) => {
    const copy = bytes.slice();
    for (let count = 1 + below(random, 8); count > 0; count--)
      copy[below(random, copy.length)] = below(random, 256);
    return copy;
  },
  (bytes, random) => {
    const at = below(random, bytes.length);
    return Buffer.concat([bytes.slice(0, at), bytes.slice(at + 1 + below(random, 16))]);
  },
  (bytes, random) => {
    const at = below(random, bytes.length);
    return Buffer.concat([
      bytes.slice(0, at),
      Buffer.alloc(1 + below(random, 16), below(random, 256)),
      bytes.slice(at),
    ]);
  },
  (bytes, random) => {
    const copy = Buffer.from(bytes);
    if (copy.length >= 8)
      copy.writeBigUInt64LE(pick(random, [0n, 1n, 7n, 2n ** 32n, 2n ** 63n, 2n ** 64n - 1n]), 0);
    return copy;
  },
];

/** Changes one value anywhere in a JSON text. */
const corruptJson: Damage = (bytes, random) => {
  const value: unknown = JSON.parse(Buffer.from(bytes).toString("utf8"));
  change(value, random);
  return Buffer.from(JSON.stringify(value));
};

function change(value: unknown, random: Random): void {
  if (typeof value !== "object" || value === null) return;
  const keys = Object.keys(value);
  if (keys.length === 0) return;
  const key = pick(random, keys);
  const inner: unknown = Reflect.get(value, key);
  if (typeof inner === "object" && inner !== null && Object.keys(inner).length > 0 && random() < 0.8) {
    change(inner, random);
    return;
  }
  const other: unknown = Reflect.get(value, pick(random, keys));
  const actions: readonly (() => void)[] = [
    () => Reflect.deleteProperty(value, key),
    () => Reflect.set(value, key, pick(random, STRANGE)),
    () => Reflect.set(value, key, other),
    () => Reflect.deleteProperty(value, key) && Reflect.set(value, `${key}x`, inner),
    () =>
      Reflect.set(value, key, typeof inner === "number" ? inner * pick(random, [-1, 0.5, 2, 1000]) : [inner]),
  ];
  pick(random, actions)();
}

/** Changes the JSON header of a safetensors file and adjusts its length, so that later checks run. */
const corruptHeader: Damage = (bytes, random) => {
  const file = Buffer.from(bytes);
  const end = 8 + Number(file.readBigUInt64LE(0));
  const header = Buffer.from(corruptJson(file.subarray(8, end), random));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, header, file.subarray(end)]);
};

/** The same files with one to three of them corrupt; occasionally one is missing. */
export function corrupt(files: Files, random: Random): Files {
  const result: Record<string, Uint8Array> = { ...files };
  for (let count = 1 + below(random, 3); count > 0; count--) {
    const name = pick(random, Object.keys(result));
    const bytes = result[name]!;
    // If an earlier step cut or broke the file, corrupt its bytes.
    const isWhole = bytes === files[name];
    const structured: Damage = name.endsWith(".json") ? corruptJson : corruptHeader;
    if (random() < 0.02 && Object.keys(result).length > 1) {
      Reflect.deleteProperty(result, name);
    } else if (bytes.length > 0) {
      result[name] = (isWhole && random() < 0.75 ? structured : pick(random, BYTES))(bytes, random);
    }
  }
  return result;
}
