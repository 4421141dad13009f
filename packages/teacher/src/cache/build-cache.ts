/**
 * Builds a cache shard by shard. Each shard is written atomically, so that a killed build can be resumed with the same resulting bytes.
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import {
  hashJson,
  sha256,
  throwIfInterrupted,
  withLock,
  writeBytesAtomic,
  writeJsonAtomic,
  SlmError,
} from "@slm/core";
import { CACHE_FILE, cacheFileOf } from "./cache-file.js";
import { planCache, withoutPairs, type CachePlan } from "./cache-plan.js";
import { MAX_VOCABULARY, openShard, shardFile, type OpenShard } from "./shard-file.js";
import { encodeShardTask, keysOfShard, keyText } from "./shard-task.js";
import type { CacheBuild, CacheReport, ShardMaker, ShardWork, UnscoredPair } from "./teacher-cache.js";
import { readUnscored, writeUnscored } from "./unscored-pairs.js";
import { makeShard, shardPlan } from "./write-shard.js";

/** A shard on disk that was checked. */
type FinishedShard = Pick<OpenShard, "header" | "bytes">;

/**
 * Scores every distinct pair with the teacher and writes the distributions to `directory`.
 *
 * The result depends only on the teacher, the set of pairs and `k`, not on the order of the pairs or on interruptions. Existing shards
 * of another build are replaced.
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
  private readonly wholePlan: CachePlan;
  private plan: CachePlan;
  private unscored: readonly UnscoredPair[] = [];
  private readonly k: number;
  private readonly began = performance.now();
  private scored = 0;
  private done = 0;

  constructor(build: CacheBuild, plan: CachePlan) {
    this.build = build;
    this.wholePlan = plan;
    this.plan = plan;
    this.k = Math.min(build.k, build.teacher.config.vocabularySize);
  }

  async run(): Promise<CacheReport> {
    const { directory, context } = this.build;
    const count = 2 ** this.plan.shardBits;
    await this.removeOthers(count);
    this.leaveOut(await readUnscored(directory));
    if (this.build.maker !== undefined) await this.makeElsewhere(this.build.maker);
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
    const file = cacheFileOf(shards);
    await writeJsonAtomic(join(directory, CACHE_FILE), file);
    const { vocabularySize, k, pairs, tokens, truncation } = file;
    const bytesPerToken = file.bytes / tokens;
    const summary = { vocabularySize, k, pairs, tokens, bytesPerToken, truncation };
    const { unscored } = this;
    return { ...summary, unscored, resumedShards, shards: count, tokensPerSecond: this.rate() };
  }

  /** Hash of all inputs of the shards. */
  private identity(): string {
    const { identity, teacher } = this.build;
    const { shardBits, buckets, keys } = this.wholePlan;
    const { vocabularySize } = teacher.config;
    return hashJson({ identity, vocabularySize, k: this.k, shardBits, buckets, keys: sha256(keys) });
  }

  private leaveOut(unscored: readonly UnscoredPair[]): void {
    if (unscored.length === 0) return;
    const keys = new Set(unscored.map(({ key }) => key));
    this.unscored = unscored;
    this.plan = withoutPairs(this.wholePlan, (key) => keys.has(keyText(key)));
    if (this.plan.order.length === 0)
      throw new SlmError(
        "DATA_INVALID",
        `cache: the teacher could not score any pair: ${unscored[0]!.reason}`,
      );
  }

  /** Builds the missing shards, then returns all. */
  private async makeElsewhere(maker: ShardMaker): Promise<void> {
    const { directory, context } = this.build;
    const shards: ShardWork[] = [];
    for (let shard = 0; shard < 2 ** this.plan.shardBits; shard++) {
      throwIfInterrupted(context.signal, "cache");
      if (this.tokensOf(shard) > 0 && (await this.found(shard)) === undefined)
        shards.push(this.workOf(shard));
    }
    this.done = this.plan.tokens - shards.reduce((sum, { tokens }) => sum + tokens, 0);
    await maker.make({
      build: this.identity(),
      shards,
      signal: context.signal,
      setAside: async (pairs) => {
        this.leaveOut([...this.unscored, ...pairs]);
        await writeUnscored(directory, this.unscored);
      },
      accept: async (shard, file) => {
        await this.store(shard, file);
      },
      onTokens: (count) => {
        this.tell(count);
      },
    });
    this.done = 0;
  }

  private tokensOf(shard: number): number {
    const { starts, order } = this.plan;
    let tokens = 0;
    for (let at = starts[shard]!; at < starts[shard + 1]!; at++)
      tokens += this.build.pairs.lengths.target[order[at]!]!;
    return tokens;
  }

  private workOf(shard: number): ShardWork {
    const { plan } = this;
    const keys = keysOfShard(plan, shard);
    return {
      shard,
      keys,
      tokens: this.tokensOf(shard),
      task: (only) =>
        encodeShardTask(this.build, plan, { shard, k: this.k }, (key) => only?.has(key) ?? true),
    };
  }

  private tell(count: number): void {
    this.scored += count;
    this.done += count;
    this.build.context.progress({
      stage: "cache",
      message: "tokens scored",
      step: this.done,
      total: this.plan.tokens,
      metrics: { tokensPerSecond: this.rate() },
    });
  }

  /** Files to remove: shards that are not part of this cache, and the file that marks a complete cache. */
  private async removeOthers(count: number): Promise<void> {
    const { directory } = this.build;
    const expected = new Set(Array.from({ length: count }, (_, shard) => shardFile(shard)));
    const names = await readdir(directory).catch(() => []);
    for (const name of names) {
      const isOther = /^shard-\d+\./u.test(name) && !expected.has(name);
      if (isOther || name === CACHE_FILE) await rm(join(directory, name));
    }
  }

  /** The shard if it exists, is complete, and belongs to this build. */
  private async found(shard: number): Promise<FinishedShard | undefined> {
    try {
      const { header, bytes, close } = await openShard(join(this.build.directory, shardFile(shard)));
      await close();
      return header.plan === shardPlan(this.build, this.plan, shard, this.k) ? { header, bytes } : undefined;
    } catch (error) {
      // Missing, truncated or modified shards are rebuilt.
      if (error instanceof SlmError) return undefined;
      throw error;
    }
  }

  private async make(shard: number): Promise<FinishedShard> {
    const file = await makeShard(this.build, this.plan, shard, this.k, (count) => {
      this.tell(count);
    });
    return this.store(shard, file);
  }

  /** Writes a shard and reads it back. @throws SlmError DATA_INVALID if it is not this build's shard */
  private async store(shard: number, file: Buffer): Promise<FinishedShard> {
    const path = join(this.build.directory, shardFile(shard));
    await writeBytesAtomic(path, file);
    const stored = await this.found(shard);
    if (stored !== undefined) return stored;
    await rm(path);
    throw new SlmError(
      "DATA_INVALID",
      `${shardFile(shard)}: built from other pairs or by another teacher than requested`,
    );
  }

  private rate(): number {
    return this.scored / Math.max((performance.now() - this.began) / 1000, Number.MIN_VALUE);
  }
}
