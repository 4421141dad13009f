/** Types for building a cache of teacher distributions. */
import type { StageContext } from "@slm/core";
import type { Engine } from "@slm/tensor";
import type { TokenPairs } from "@slm/training";
import type { Teacher } from "../models/teacher.js";
import type { CacheFile } from "./cache-file.js";

/** A shard that is not built yet. */
export interface ShardWork {
  readonly shard: number;
  /** Keys of its pairs. */
  readonly keys: readonly string[];
  /** Number of its target positions. */
  readonly tokens: number;
  /** Writes a task file for `makeShardOfTask`; with `only`, for some of its pairs. */
  readonly task: (only?: ReadonlySet<string>) => Promise<Buffer>;
}

/** Builds shards on other machines. */
export interface ShardMaker {
  /**
   * Builds shards in any order, and passes each file to `accept`, which checks and stores it. Pairs that no machine could score are passed to
   * `setAside`; their shard is built without them.
   *
   * @throws SlmError INTERRUPTED with the accepted shards kept, and errors of the machines
   */
  make(request: {
    /** Identifies the build: a hash of all inputs of its shards. */
    readonly build: string;
    readonly shards: readonly ShardWork[];
    readonly accept: (shard: number, file: Buffer) => Promise<void>;
    readonly setAside: (keys: readonly UnscoredPair[]) => Promise<void>;
    readonly signal: AbortSignal;
    readonly onTokens: (count: number) => void;
  }): Promise<void>;
}

/** A pair that the teacher could not score. */
export interface UnscoredPair {
  readonly key: string;
  readonly reason: string;
}

export interface CacheBuild {
  /** Output directory; complete shards of a killed build of the same cache are reused. */
  readonly directory: string;
  readonly teacher: Teacher;
  /** Identifies the teacher, for example by a hash of its weights. Shards of another teacher are not reused. */
  readonly identity: string;
  /** Equal pairs are stored once. The order does not matter. */
  readonly pairs: TokenPairs;
  /** Most probable tokens kept per position. */
  readonly k: number;
  /** Average number of target positions per shard. An interruption loses at most the current shard. Default: 32,768. */
  readonly shardTokens?: number;
  /** Builds missing shards on other machines. Default: builds them in this process. */
  readonly maker?: ShardMaker | undefined;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** Report of a build: the finished cache and the work of this run. */
export interface CacheReport extends Pick<
  CacheFile,
  "vocabularySize" | "k" | "pairs" | "tokens" | "truncation"
> {
  readonly bytesPerToken: number;
  /** Pairs that are not in the cache, because the teacher could not score them. */
  readonly unscored: readonly UnscoredPair[];
  /** Shards reused from an earlier run. */
  readonly resumedShards: number;
  readonly shards: number;
  /** Target positions scored by this run, per second. */
  readonly tokensPerSecond: number;
}
