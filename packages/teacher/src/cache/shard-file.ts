/** A shard of a cache: a safetensors file with the keys of its pairs and the distributions at their target positions. */
import { createHash } from "node:crypto";
import { encodeSafetensors, openSafetensors, type OpenSafetensors } from "@slm/checkpoints";
import { SlmError } from "@slm/core";
import type { HostData, HostTensor } from "@slm/runtime";
import { z } from "zod";
import { KEY_BYTES } from "./pair-key.js";

export const MAX_VOCABULARY = 1 << 20;
/** Binary logarithm of the largest number of shards. */
export const MAX_SHARD_BITS = 16;

export const shardFile = (shard: number): string => `shard-${String(shard).padStart(5, "0")}.safetensors`;

const count = z.int().nonnegative();
const nats = z.number().nonnegative();
const hash = z.string().regex(/^[0-9a-f]{64}$/u);

/** The metadata of a shard. */
const shardHeader = z.strictObject({
  vocabularySize: z.int().positive().max(MAX_VOCABULARY),
  k: z.int().positive(),
  shard: count,
  shardBits: count.max(MAX_SHARD_BITS),
  pairs: count,
  tokens: count,
  /** Sums over positions, and the largest divergence. */
  sums: z.strictObject({ tailMass: nats, kl: nats, maxKl: nats }),
  /** Hash of the inputs: teacher, settings and pairs of this shard. */
  plan: hash,
  /** Hash of the tensors' bytes. */
  sha256: hash,
});

export type ShardHeader = z.infer<typeof shardHeader>;

/** Contents of a shard; the pairs are sorted by key. */
export interface ShardTensors {
  /** uint8 `[pairs, KEY_BYTES]` */
  readonly keys: HostTensor;
  /** int32 `[pairs + 1]`: first position of each pair, and the number of positions */
  readonly starts: HostTensor;
  /** int32 `[positions, k]`, ascending; absent if the whole vocabulary is stored. */
  readonly ids?: HostTensor;
  /**
   * float16 `[positions, k + 1]` in nats: of each id, and of each other token. `[positions, vocabulary]` if the whole vocabulary is
   * stored.
   */
  readonly logProbabilities: HostTensor;
}

/** The bytes of a shard. */
export function encodeShard(header: Omit<ShardHeader, "sha256">, tensors: ShardTensors): Buffer {
  const named = Object.entries(tensors) as [string, HostTensor][];
  const sha256 = createHash("sha256");
  for (const [, { data }] of named) sha256.update(bytesOf(data));
  const metadata = { shard: JSON.stringify({ ...header, sha256: sha256.digest("hex") }) };
  return Buffer.from(encodeSafetensors(new Map(named), metadata));
}

/** An open shard whose hash was checked. */
export interface OpenShard {
  readonly header: ShardHeader;
  /** Size of the tensors [bytes]. */
  readonly bytes: number;
  readonly keys: Uint8Array;
  readonly starts: Int32Array;
  /** Rows of `ids` and `logProbabilities`. @throws SlmError DATA_INVALID */
  readonly readRows: (name: "ids" | "logProbabilities", first: number, count: number) => Promise<HostTensor>;
  readonly close: () => Promise<void>;
}

/** Opens a shard and checks it. @throws SlmError INPUT_MISSING if it does not exist, DATA_INVALID naming it if it is corrupt */
export async function openShard(path: string): Promise<OpenShard> {
  const file = await openSafetensors(path);
  try {
    const header = headerOf(file, path);
    const { keys, starts, bytes } = await readTensors(file, header, path);
    return { header, bytes, keys, starts, readRows: file.readRows, close: file.close };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Checks names, dtypes and shapes before anything is read. */
function headerOf({ metadata, entries }: OpenSafetensors, path: string): ShardHeader {
  let header: ShardHeader;
  try {
    header = shardHeader.parse(JSON.parse(metadata["shard"] ?? ""));
  } catch (cause) {
    throw corrupt(path, "it is not a shard of a teacher cache", cause);
  }
  const { vocabularySize, k, pairs, tokens } = header;
  const isWhole = k === vocabularySize;
  const expected = {
    keys: `U8[${pairs},${KEY_BYTES}]`,
    starts: `I32[${pairs + 1}]`,
    ...(isWhole ? {} : { ids: `I32[${tokens},${k}]` }),
    logProbabilities: `F16[${tokens},${isWhole ? k : k + 1}]`,
  };
  const found = [...entries].map(([name, { dtype, shape }]) => `${name}: ${dtype}[${shape.join()}]`);
  const wanted = Object.entries(expected).map(([name, outline]) => `${name}: ${outline}`);
  if (k > vocabularySize || found.join() !== wanted.join())
    throw corrupt(path, `it has ${found.join(", ")}, expected ${wanted.join(", ")}`);
  return header;
}

async function readTensors(
  { entries, read }: OpenSafetensors,
  header: ShardHeader,
  path: string,
): Promise<Pick<OpenShard, "keys" | "starts" | "bytes">> {
  const sha256 = createHash("sha256");
  const kept: Record<string, HostData> = {};
  let bytes = 0;
  for (const name of entries.keys()) {
    const { data } = await read(name);
    sha256.update(bytesOf(data));
    bytes += data.byteLength;
    if (name === "keys" || name === "starts") kept[name] = data;
  }
  if (sha256.digest("hex") !== header.sha256) throw corrupt(path, "its hash differs from the stored one");
  const [keys, starts] = [kept["keys"] as Uint8Array, kept["starts"] as Int32Array];
  const ascends = starts.every((start, at) => (at === 0 ? start === 0 : start >= starts[at - 1]!));
  if (!ascends || starts.at(-1) !== header.tokens)
    throw corrupt(path, "its pairs do not cover its positions");
  return { keys, starts, bytes };
}

const bytesOf = (data: HostData): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** The error for a corrupt file of a cache. */
export function corrupt(file: string, problem: string, cause?: unknown): SlmError {
  return new SlmError("DATA_INVALID", `teacher cache: ${file}: ${problem}`, {
    context: { file },
    suggestions: ["create the cache again: slm teacher cache RECIPE --force"],
    cause,
  });
}
