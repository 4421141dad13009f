/** Reads a cache with three positioned reads per pair and a bounded number of open files; contents stay on disk. */
import { createHash } from "node:crypto";
import { type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isFile, SlmError } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import type { ScoredPair } from "../models/teacher.js";
import { BitReader } from "./bits.js";
import { readCacheFile, type CacheFile } from "./cache-file.js";
import { readDistribution } from "./distribution-code.js";
import { KEY_BYTES, keyBits, keyOf } from "./pair-key.js";
import {
  CACHE_FILE,
  corrupt,
  DIGEST_BYTES,
  ENTRY_BYTES,
  INDEX_ENTRY_BYTES,
  INDEX_FILE,
  layoutOf,
  shardFile,
  type ShardHeader,
  type ShardLayout,
} from "./shard-format.js";
import type { TeacherCache, Truncation } from "./teacher-cache.js";
import { openForReading, readAt, verifyOpenShard } from "./verify-shard.js";

/** Limit of open files. */
const OPEN_SHARDS = 64;
/** Limit of keys per fan entry. With uniformly distributed keys, there are far fewer. */
const MAX_FAN_PAIRS = 1 << 14;

/** Whether a directory of the cache stage has distributions in addition to labels. */
export const hasDistributions = (directory: string): Promise<boolean> => isFile(join(directory, CACHE_FILE));

/**
 * Opens a cache. Every shard is checked against its hash when it is first read.
 *
 * @throws SlmError INPUT_MISSING if the cache does not exist, DATA_INVALID naming a corrupt file.
 */
export async function openTeacherCache(directory: string): Promise<TeacherCache> {
  const file = await readCacheFile(directory);
  const index = await openForReading(join(directory, INDEX_FILE));
  try {
    await checkIndex(index, file);
  } catch (error) {
    await index.close();
    throw error;
  }
  return new DiskCache(directory, file, index);
}

async function checkIndex(handle: FileHandle, { index }: CacheFile): Promise<void> {
  const { size } = await handle.stat();
  if (size !== index.bytes)
    throw corrupt(INDEX_FILE, `it has ${size} bytes, expected ${index.bytes} by cache.json`);
  const hash = createHash("sha256");
  const block = INDEX_ENTRY_BYTES << 12;
  for (let at = 0; at < size; at += block)
    hash.update(await readAt(handle, at, Math.min(block, size - at), INDEX_FILE));
  if (hash.digest("hex") !== index.sha256)
    throw corrupt(INDEX_FILE, "its hash differs from that in cache.json");
}

interface OpenShard {
  readonly file: string;
  readonly handle: FileHandle;
  readonly header: ShardHeader;
  readonly layout: ShardLayout;
}

class DiskCache implements TeacherCache {
  readonly directory: string;
  readonly vocabularySize: number;
  readonly k: number;
  readonly pairs: number;
  readonly tokens: number;
  readonly bytesPerToken: number;
  readonly truncation: Truncation;
  private readonly shardBits: number;
  private readonly index: FileHandle;
  /** Least recently used first. */
  private readonly shards = new Map<number, OpenShard>();
  /** Reads are serialized, so that a file is never closed during a read. */
  private last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, file: CacheFile, index: FileHandle) {
    this.directory = directory;
    this.index = index;
    this.vocabularySize = file.vocabularySize;
    this.k = file.k;
    this.pairs = file.pairs;
    this.tokens = file.tokens;
    this.bytesPerToken = file.bytes / file.tokens;
    this.truncation = file.truncation;
    this.shardBits = file.shardBits;
  }

  read(
    pairs: readonly ScoredPair[],
    shape: { readonly batch: number; readonly target: number },
  ): Promise<HostTensor> {
    return this.inTurn(() => this.readBatch(pairs, shape));
  }

  has(pair: ScoredPair): Promise<boolean> {
    return this.inTurn(async () => {
      const key = keyOf(pair);
      return (await this.find(await this.shardOf(key), key)) !== undefined;
    });
  }

  close(): Promise<void> {
    return this.inTurn(async () => {
      for (const { handle } of this.shards.values()) await handle.close();
      this.shards.clear();
      await this.index.close();
    });
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }

  private async readBatch(
    pairs: readonly ScoredPair[],
    { batch, target }: { readonly batch: number; readonly target: number },
  ): Promise<HostTensor> {
    const { vocabularySize } = this;
    if (pairs.length > batch)
      throw new SlmError(
        "SHAPE_MISMATCH",
        `teacher cache: got ${pairs.length} pairs, expected at most the batch size of ${batch}`,
      );
    const values = new Float32Array(batch * target * vocabularySize);
    for (const [row, pair] of pairs.entries()) {
      const positions = pair.target.length + 1;
      if (positions > target) {
        throw new SlmError(
          "SHAPE_MISMATCH",
          `teacher cache: pair ${row} has ${positions} target positions, expected at most ${target}`,
        );
      }
      const begin = row * target * vocabularySize;
      await this.readPair(pair, values.subarray(begin, begin + positions * vocabularySize));
    }
    return createHostTensor("float32", [batch * target, vocabularySize], values);
  }

  private async readPair(pair: ScoredPair, rows: Float32Array): Promise<void> {
    const key = keyOf(pair);
    const shard = await this.shardOf(key);
    const place = await this.find(shard, key);
    if (place === undefined) throw this.missing(pair);
    const { handle, layout, file } = shard;
    const reader = new BitReader(
      await readAt(handle, layout.recordsAt + place.begin, place.end - place.begin, file),
    );
    try {
      for (let at = 0; at < rows.length; at += this.vocabularySize)
        readDistribution(reader, rows.subarray(at, at + this.vocabularySize), this);
    } catch (cause) {
      if (!(cause instanceof SlmError)) throw cause;
      throw corrupt(file, `the record at byte ${layout.recordsAt + place.begin}: ${cause.message}`, cause);
    }
    if (reader.remaining >= 8)
      throw corrupt(file, `the record at byte ${layout.recordsAt + place.begin} is longer than its target`);
  }

  /** Returns the shard that may contain a key. Opens and checks it if necessary. */
  private async shardOf(key: Buffer): Promise<OpenShard> {
    const number = keyBits(key, this.shardBits);
    const known = this.shards.get(number);
    this.shards.delete(number);
    const shard = known ?? (await this.openShard(number));
    this.shards.set(number, shard);
    if (this.shards.size > OPEN_SHARDS) {
      const [oldest, { handle }] = this.shards.entries().next().value!;
      this.shards.delete(oldest);
      await handle.close();
    }
    return shard;
  }

  private async openShard(number: number): Promise<OpenShard> {
    const file = shardFile(number);
    const entry = await readAt(this.index, number * INDEX_ENTRY_BYTES, INDEX_ENTRY_BYTES, INDEX_FILE);
    const handle = await openForReading(join(this.directory, file));
    try {
      const { header, bytes, digest } = await verifyOpenShard(handle, file);
      const isListed =
        header.pairs === entry.readUInt32LE(0) &&
        header.tokens === entry.readUInt32LE(4) &&
        bytes === entry.readUInt32LE(8) &&
        digest.equals(entry.subarray(16, 16 + DIGEST_BYTES));
      if (!isListed) throw corrupt(file, `it is not the shard that ${INDEX_FILE} lists`);
      const { vocabularySize, k, shardBits } = this;
      if (
        header.shard !== number ||
        header.vocabularySize !== vocabularySize ||
        header.k !== k ||
        header.shardBits !== shardBits
      )
        throw corrupt(file, "it belongs to another cache");
      return { file, handle, header, layout: layoutOf(header) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Offset of a key's record from the first record [bytes]; undefined if the key is not stored. */
  private async find(
    { handle, header, layout, file }: OpenShard,
    key: Buffer,
  ): Promise<{ readonly begin: number; readonly end: number } | undefined> {
    const slot = keyBits(key, header.fanBits, header.shardBits);
    const fan = await readAt(handle, layout.fanAt + 4 * slot, 8, file);
    const [first, last] = [fan.readUInt32LE(0), fan.readUInt32LE(4)];
    if (first > last || last > header.pairs || last - first > MAX_FAN_PAIRS)
      throw corrupt(file, `its fan says that entries ${first} to ${last} of ${header.pairs} share a prefix`);
    // One more entry than the fan's range, because a record ends where the next one starts.
    const entries = await readAt(
      handle,
      layout.directoryAt + ENTRY_BYTES * first,
      ENTRY_BYTES * (Math.min(last + 1, header.pairs) - first),
      file,
    );
    for (let at = 0; at < ENTRY_BYTES * (last - first); at += ENTRY_BYTES) {
      if (!entries.subarray(at, at + KEY_BYTES).equals(key)) continue;
      const begin = entries.readUInt32LE(at + KEY_BYTES);
      const next = at + ENTRY_BYTES;
      const end = next < entries.length ? entries.readUInt32LE(next + KEY_BYTES) : header.recordBytes;
      if (begin > end || end > header.recordBytes)
        throw corrupt(file, `a record is at bytes ${begin} to ${end} of ${header.recordBytes}`);
      return { begin, end };
    }
    return undefined;
  }

  private missing({ source, target }: ScoredPair): SlmError {
    const shown = (tokens: ArrayLike<number>): string =>
      `[${Array.from(tokens).slice(0, 24).join(" ")}${tokens.length > 24 ? " ..." : ""}]`;
    return new SlmError(
      "INPUT_MISSING",
      `teacher cache: ${this.directory} does not contain source ${shown(source)} with target ${shown(target)} (token ids)`,
      {
        context: { directory: this.directory, source: Array.from(source), target: Array.from(target) },
        suggestions: ["create the cache for this data: slm teacher cache RECIPE"],
      },
    );
  }
}
