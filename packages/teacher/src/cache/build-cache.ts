/**
 * Builds a cache shard by shard. Each shard is written atomically, so that a killed build can be resumed and ends with the same bytes.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sha256, throwIfInterrupted, withLock, writeBytesAtomic, writeJsonAtomic, SlmError } from "@slm/core";
import { cacheFileOf } from "./cache-file.js";
import { planCache, type CachePlan } from "./cache-plan.js";
import {
  CACHE_FILE,
  decodeHeader,
  DIGEST_BYTES,
  HEADER_BYTES,
  INDEX_ENTRY_BYTES,
  INDEX_FILE,
  MAX_VOCABULARY,
  shardFile,
  type ShardHeader,
} from "./shard-format.js";
import type { CacheBuild, CacheReport } from "./teacher-cache.js";
import { verifyShard } from "./verify-shard.js";
import { makeShard, shardPlan } from "./write-shard.js";

/** A finished shard as the index describes it. */
interface FinishedShard {
  readonly header: ShardHeader;
  readonly bytes: number;
  readonly digest: Buffer;
}

/**
 * Scores every different pair with the teacher and writes the distributions into `directory`.
 *
 * The result depends on the teacher, the set of pairs and `k` alone: not on the order of the pairs or on interruptions. Shards of
 * another build that are found in the directory are replaced.
 *
 * @throws SlmError DATA_INVALID without pairs, CONFIG_INVALID for a `k` that is not positive, BUSY if another process builds
 * in the directory, INTERRUPTED with all finished shards kept, OUTPUT_FAILED if writing fails.
 */
export async function buildTeacherCache(build: CacheBuild): Promise<CacheReport> {
  const { vocabularySize } = build.teacher.config;
  if (!Number.isInteger(build.k) || build.k < 1)
    throw new SlmError("CONFIG_INVALID", `cache: k must be a positive integer, got ${build.k}`);
  if (vocabularySize > MAX_VOCABULARY) {
    throw new SlmError(
      "CONFIG_INVALID",
      `cache: the teacher's vocabulary has ${vocabularySize} tokens, at most ${MAX_VOCABULARY} can be stored`,
    );
  }
  return withLock(build.directory, async (lost) => {
    const signal = AbortSignal.any([build.context.signal, lost]);
    const plan = await planCache(build.pairs, build.shardTokens);
    return new CacheBuilder({ ...build, context: { ...build.context, signal } }, plan).run();
  });
}

class CacheBuilder {
  private readonly build: CacheBuild;
  private readonly plan: CachePlan;
  private readonly k: number;
  private readonly began = performance.now();
  private scored = 0;
  private done = 0;

  constructor(build: CacheBuild, plan: CachePlan) {
    this.build = build;
    this.plan = plan;
    this.k = Math.min(build.k, build.teacher.config.vocabularySize);
  }

  async run(): Promise<CacheReport> {
    const { directory, context } = this.build;
    const count = 2 ** this.plan.shardBits;
    await this.removeOthers(count);
    const shards: FinishedShard[] = [];
    let resumedShards = 0;
    for (let shard = 0; shard < count; shard++) {
      throwIfInterrupted(context.signal, "cache");
      const found = await this.found(shard);
      if (found !== undefined) {
        resumedShards += 1;
        this.done += found.header.tokens;
      }
      shards.push(found ?? (await this.make(shard)));
    }
    const index = Buffer.concat(shards.map(indexEntry));
    const file = cacheFileOf(
      shards.map(({ header, bytes }) => ({ header, bytes })),
      { bytes: index.length, sha256: sha256(index) },
    );
    await writeBytesAtomic(join(directory, INDEX_FILE), index);
    await writeJsonAtomic(join(directory, CACHE_FILE), file);
    const { vocabularySize, k, pairs, tokens, truncation } = file;
    const bytesPerToken = file.bytes / tokens;
    const summary = { vocabularySize, k, pairs, tokens, bytesPerToken, truncation };
    return { ...summary, resumedShards, shards: count, tokensPerSecond: this.rate() };
  }

  /** Files to remove: shards that this cache does not have, and the file that marks a complete cache. */
  private async removeOthers(count: number): Promise<void> {
    const { directory } = this.build;
    const expected = new Set(Array.from({ length: count }, (_, shard) => shardFile(shard)));
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      const isOther = /^shard-\d+\.bin$/u.test(name) && !expected.has(name);
      if (isOther || name === CACHE_FILE || name === INDEX_FILE) await rm(join(directory, name));
    }
  }

  /** The shard if it exists, is complete, and belongs to this build. */
  private async found(shard: number): Promise<FinishedShard | undefined> {
    const path = join(this.build.directory, shardFile(shard));
    try {
      const { header, bytes, digest } = await verifyShard(path);
      return header.plan === shardPlan(this.build, this.plan, shard, this.k)
        ? { header, bytes, digest }
        : undefined;
    } catch (error) {
      // Missing, truncated or modified: it is rebuilt.
      if (error instanceof SlmError) return undefined;
      throw error;
    }
  }

  private async make(shard: number): Promise<FinishedShard> {
    const { directory, context } = this.build;
    const file = await makeShard(this.build, this.plan, shard, this.k, (count) => {
      this.scored += count;
      this.done += count;
      context.progress({
        stage: "cache",
        message: "tokens scored",
        step: this.done,
        total: this.plan.tokens,
        metrics: { tokensPerSecond: this.rate() },
      });
    });
    const name = shardFile(shard);
    await writeBytesAtomic(join(directory, name), file);
    const header = decodeHeader(file.subarray(0, HEADER_BYTES), file.length, name);
    return { header, bytes: file.length, digest: file.subarray(file.length - DIGEST_BYTES) };
  }

  private rate(): number {
    return this.scored / Math.max((performance.now() - this.began) / 1000, Number.MIN_VALUE);
  }
}

function indexEntry({ header, bytes, digest }: FinishedShard): Buffer {
  const entry = Buffer.alloc(INDEX_ENTRY_BYTES);
  [header.pairs, header.tokens, bytes].forEach((word, index) => entry.writeUInt32LE(word, 4 * index));
  digest.copy(entry, 16);
  return entry;
}
