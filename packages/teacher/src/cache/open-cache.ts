/** Reads a cache with two positioned reads per pair and a bounded number of open files; contents stay on disk. */
import { join } from "node:path";
import { isFile, SlmError } from "@slm/core";
import { createHostTensor, fromHalves, type HostTensor } from "@slm/runtime";
import type { ScoredPair } from "../models/teacher.js";
import { CACHE_FILE, readCacheFile, type CacheFile } from "./cache-file.js";
import { KEY_BYTES, keyBits, keyOf } from "./pair-key.js";
import { corrupt, openShard, shardFile, type OpenShard } from "./shard-file.js";
import { readTopTokens } from "./top-tokens.js";

/** Limit of open files. */
const OPEN_SHARDS = 64;

/** Whether a directory of the cache stage has distributions in addition to labels. */
export const hasDistributions = (directory: string): Promise<boolean> => isFile(join(directory, CACHE_FILE));

/** An open cache. Every shard is checked against its hash when it is opened. Memory use does not grow with the cache's size. */
export class TeacherCache {
  readonly directory: string;
  readonly file: CacheFile;
  private readonly shardBits: number;
  /** Least recently used first. */
  private readonly shards = new Map<number, OpenShard>();
  /** Reads are serialized, so that a file is never closed during a read. */
  private last: Promise<unknown> = Promise.resolve();

  private constructor(directory: string, file: CacheFile) {
    this.directory = directory;
    this.file = file;
    this.shardBits = Math.log2(file.shards.length);
  }

  /** Opens a cache. @throws SlmError INPUT_MISSING if it does not exist, DATA_INVALID naming a corrupt file */
  static async open(directory: string): Promise<TeacherCache> {
    return new TeacherCache(directory, await readCacheFile(directory));
  }

  /**
   * Log-probabilities of the teacher at every target position, EOS token included: float32 `[batch · target, vocab]`, row
   * b · target + i for target token i of pair b. Stored tokens have their own log-probability; all others have an equal share of the tail.
   * Zero beyond a target and for missing pairs of the batch.
   *
   * @throws SlmError INPUT_MISSING naming a pair that is not stored, SHAPE_MISMATCH if a pair or the number of pairs exceeds
   * the shape, DATA_INVALID naming a corrupt file.
   */
  read(
    pairs: readonly ScoredPair[],
    shape: { readonly batch: number; readonly target: number },
  ): Promise<HostTensor> {
    return this.inTurn(() => this.readBatch(pairs, shape));
  }

  /** Whether a pair is stored. */
  has(pair: ScoredPair): Promise<boolean> {
    return this.inTurn(async () => {
      const key = keyOf(pair);
      return indexOf(await this.shardOf(key), key) !== undefined;
    });
  }

  close(): Promise<void> {
    return this.inTurn(async () => {
      for (const { close } of this.shards.values()) await close();
      this.shards.clear();
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
    const { vocabularySize } = this.file;
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
    const index = indexOf(shard, key);
    if (index === undefined) throw this.missing(pair);
    const { vocabularySize, k } = this.file;
    const [first, end] = [shard.starts[index]!, shard.starts[index + 1]!];
    const count = rows.length / vocabularySize;
    const file = shardFile(shard.header.shard);
    if (end - first !== count)
      throw corrupt(file, `pair ${index} has ${end - first} positions, its target ${count}`);
    const stored = await shard.readRows("logProbabilities", first, count);
    const values = fromHalves(stored.data as Uint16Array);
    const columns = values.length / count;
    const ids =
      k === vocabularySize ? undefined : ((await shard.readRows("ids", first, count)).data as Int32Array);
    for (let at = 0; at < count; at++) {
      const isRead = readTopTokens(rows.subarray(at * vocabularySize, (at + 1) * vocabularySize), {
        ...(ids && { ids: ids.subarray(at * k, (at + 1) * k) }),
        logProbabilities: values.subarray(at * columns, (at + 1) * columns),
      });
      if (!isRead) throw corrupt(file, `position ${first + at} has no distribution over the vocabulary`);
    }
  }

  /** Returns the shard that may contain a key. Opens and checks it if necessary. */
  private async shardOf(key: Buffer): Promise<OpenShard> {
    const number = keyBits(key, this.shardBits);
    const known = this.shards.get(number);
    this.shards.delete(number);
    const shard = known ?? (await this.openListed(number));
    this.shards.set(number, shard);
    if (this.shards.size > OPEN_SHARDS) {
      const [oldest, { close }] = this.shards.entries().next().value!;
      this.shards.delete(oldest);
      await close();
    }
    return shard;
  }

  private async openListed(number: number): Promise<OpenShard> {
    const file = shardFile(number);
    const shard = await openShard(join(this.directory, file));
    const { header } = shard;
    const { vocabularySize, k, shards } = this.file;
    const isListed =
      header.sha256 === shards[number] &&
      header.shard === number &&
      header.shardBits === this.shardBits &&
      header.vocabularySize === vocabularySize &&
      header.k === k;
    if (isListed) return shard;
    await shard.close();
    throw corrupt(file, `it is not the shard that ${CACHE_FILE} lists`);
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

/** Index of a key in the sorted keys of a shard; undefined if it is not there. */
function indexOf({ keys }: OpenShard, key: Buffer): number | undefined {
  let [low, high] = [0, keys.length / KEY_BYTES];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const order = key.compare(keys, middle * KEY_BYTES, (middle + 1) * KEY_BYTES);
    if (order === 0) return middle;
    if (order > 0) low = middle + 1;
    else high = middle;
  }
  return undefined;
}
