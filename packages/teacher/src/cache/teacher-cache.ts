/** Types of the cache of teacher distributions, for building and reading it. */
import type { StageContext } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { TokenPairs } from "@slm/training";
import type { ScoredPair, Teacher } from "../models/teacher.js";

/** Loss from truncation to the top-k tokens and from rounding, over all stored positions. */
export interface Truncation {
  /** Mean probability outside the `k` most probable tokens. */
  readonly meanTailMass: number;
  /** Mean of KL(teacher || decoded) [nats per token]. */
  readonly meanKl: number;
  /** Largest KL(teacher || decoded) of one position [nats]. */
  readonly maxKl: number;
  /** The part of `meanKl` due to rounding, in addition to truncation [nats per token]. */
  readonly meanQuantizationKl: number;
}

/** Properties of a finished cache. */
interface CacheSummary {
  readonly vocabularySize: number;
  /** Tokens kept per position, at most the vocabulary size. */
  readonly k: number;
  /** Number of distinct pairs. */
  readonly pairs: number;
  /** Number of target positions, including EOS tokens. */
  readonly tokens: number;
  /** Size of all shards and the index, divided by `tokens`. */
  readonly bytesPerToken: number;
  readonly truncation: Truncation;
}

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
export interface CacheReport extends CacheSummary {
  /** Pairs that are not in the cache, because the teacher could not score them. */
  readonly unscored: readonly UnscoredPair[];
  /** Shards reused from an earlier run. */
  readonly resumedShards: number;
  readonly shards: number;
  /** Target positions scored by this run, per second. */
  readonly tokensPerSecond: number;
}

/** An open cache. Its memory use does not grow with the cache's size. */
export interface TeacherCache extends CacheSummary {
  readonly directory: string;
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
  ): Promise<HostTensor>;
  /** Whether a pair is stored. */
  has(pair: ScoredPair): Promise<boolean>;
  close(): Promise<void>;
}
