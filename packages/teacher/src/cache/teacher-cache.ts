/** What a cache of teacher distributions is to those who make it and those who read it. */
import type { StageContext } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import type { Engine } from "@slm/tensor";
import type { TokenPairs } from "@slm/training";
import type { ScoredPair, Teacher } from "../teacher.js";

/** What is lost by keeping the `k` most probable tokens and rounding them, over all stored positions. */
export interface Truncation {
  /** Mean probability outside the `k` most probable tokens. */
  readonly meanTailMass: number;
  /** Mean of KL(teacher || decoded) [nats per token]. */
  readonly meanKl: number;
  /** Largest KL(teacher || decoded) of one position [nats]. */
  readonly maxKl: number;
  /** The part of `meanKl` that rounding adds to what cutting off the tail costs already [nats per token]. */
  readonly meanQuantizationKl: number;
}

/** Facts of a finished cache. */
interface CacheSummary {
  readonly vocabularySize: number;
  /** Tokens kept per position, the whole vocabulary where that is smaller. */
  readonly k: number;
  /** Different pairs. */
  readonly pairs: number;
  /** Target positions, EOS token included. */
  readonly tokens: number;
  /** Bytes of all shards and their index over `tokens`. */
  readonly bytesPerToken: number;
  readonly truncation: Truncation;
}

export interface CacheBuild {
  /** Receives the cache; whole shards of a killed build of the same cache are kept. */
  readonly directory: string;
  readonly teacher: Teacher;
  /** Tells teachers apart, for example a hash of the weights: shards of another teacher are not continued. */
  readonly identity: string;
  /** Equal pairs are stored once; their order does not matter. */
  readonly pairs: TokenPairs;
  /** Most probable tokens kept per position. */
  readonly k: number;
  /** Target positions of a shard on average, which is what a kill can cost. Default 32,768. */
  readonly shardTokens?: number;
  readonly engine: Engine;
  readonly context: StageContext;
}

/** What a build reports: the finished cache, and the work of this run alone. */
export interface CacheReport extends CacheSummary {
  /** Shards found finished. */
  readonly resumedShards: number;
  readonly shards: number;
  /** Target positions scored by this run, per second. */
  readonly tokensPerSecond: number;
}

/** An open cache. Its memory does not grow with what is stored. */
export interface TeacherCache extends CacheSummary {
  readonly directory: string;
  /**
   * Log-probabilities of the teacher at every target position, EOS token included: float32 `[batch · target, vocab]`, row
   * b · target + i for target token i of pair b. The stored tokens have their own, all others an even share of the tail.
   * Zero beyond a target and for missing pairs of the batch.
   *
   * @throws SlmError INPUT_MISSING naming a pair that is not stored, SHAPE_MISMATCH if a pair or their number exceeds
   * the shape, DATA_INVALID naming a file that is corrupt.
   */
  read(
    pairs: readonly ScoredPair[],
    shape: { readonly batch: number; readonly target: number },
  ): Promise<HostTensor>;
  /** Whether a pair is stored. */
  has(pair: ScoredPair): Promise<boolean>;
  close(): Promise<void>;
}
