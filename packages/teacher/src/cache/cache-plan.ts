/** Assigns pairs to shards. It depends on the set of pairs, not on their order, so it is the same after an interruption. */
import { assignBuckets, planBuckets, type Bucket, type TokenPairs } from "@slm/training";
import { KEY_BYTES, keyBits, keyOf } from "./pair-key.js";
import { MAX_SHARD_BITS } from "./shard-file.js";

/** Default average number of positions per shard. */
const SHARD_TOKENS = 1 << 15;
/** Length buckets of the scoring programs. */
const BUCKETS = 6;
/** Maximum number of logits per batch: 64 MiB as float32. */
const BATCH_LOGITS = 1 << 24;
/** Maximum pairs per batch. Larger batches are not faster, and the last batch of each shard and bucket is not full. */
const BATCH_ROWS = 64;
/** Pairs that are read at a time to compute keys. */
const READ_ROWS = 1 << 12;

export interface CachePlan {
  /** Distinct pairs sorted by key, as row numbers of the given pairs. */
  readonly order: Int32Array;
  /** Key of each pair in `order`, {@link KEY_BYTES} each. */
  readonly keys: Buffer;
  /** Binary logarithm of the number of shards. */
  readonly shardBits: number;
  /** Index in `order` of the start of each shard, and the end. */
  readonly starts: Int32Array;
  /** Total number of target positions. */
  readonly tokens: number;
  readonly buckets: readonly Bucket[];
  /** Bucket of each pair in `order`. */
  readonly assignment: Uint8Array;
}

/** Pairs that are scored together: indices in `order`, from one shard and one bucket. */
export interface ScoreBatch {
  readonly bucket: Bucket;
  /** Rows of the program. */
  readonly size: number;
  readonly members: readonly number[];
}

/** Plans a cache. @throws SlmError DATA_INVALID without pairs. */
export async function planCache(pairs: TokenPairs, shardTokens = SHARD_TOKENS): Promise<CachePlan> {
  const { order, keys } = await distinct(pairs);
  const lengths = {
    source: Int32Array.from(order, (row) => pairs.lengths.source[row]!),
    target: Int32Array.from(order, (row) => pairs.lengths.target[row]!),
  };
  const buckets = planBuckets(lengths, BUCKETS);
  const tokens = lengths.target.reduce((sum, length) => sum + length, 0);
  const wanted = Math.ceil(Math.log2(Math.max(1, tokens / shardTokens)));
  const shardBits = Math.min(MAX_SHARD_BITS, wanted);
  const starts = new Int32Array(2 ** shardBits + 1);
  for (let at = 0; at < order.length; at++) starts[keyBits(keyAt(keys, at), shardBits) + 1]! += 1;
  for (let shard = 0; shard < 2 ** shardBits; shard++) starts[shard + 1]! += starts[shard]!;
  return { order, keys, shardBits, starts, tokens, buckets, assignment: assignBuckets(lengths, buckets) };
}

/** The plan without some pairs. Buckets and shard boundaries do not change, so other shards do not change either. @param isOut by key */
export function withoutPairs(plan: CachePlan, isOut: (key: Buffer) => boolean): CachePlan {
  const { order, keys, starts, assignment } = plan;
  const kept: number[] = [];
  const begins = new Int32Array(starts.length);
  for (let shard = 0; shard + 1 < starts.length; shard++) {
    for (let at = starts[shard]!; at < starts[shard + 1]!; at++) if (!isOut(keyAt(keys, at))) kept.push(at);
    begins[shard + 1] = kept.length;
  }
  return {
    ...plan,
    order: Int32Array.from(kept, (at) => order[at]!),
    keys: Buffer.concat(kept.map((at) => keyAt(keys, at))),
    starts: begins,
    assignment: Uint8Array.from(kept, (at) => assignment[at]!),
  };
}

/** One key in a list. */
export function keyAt(keys: Buffer, index: number): Buffer {
  return keys.subarray(index * KEY_BYTES, (index + 1) * KEY_BYTES);
}

/** Rows of distinct pairs, sorted by key, and their keys. Equal pairs are represented by the first row. */
async function distinct(pairs: TokenPairs): Promise<{ order: Int32Array; keys: Buffer }> {
  const all = Buffer.alloc(pairs.count * KEY_BYTES);
  for (let begin = 0; begin < pairs.count; begin += READ_ROWS) {
    const rows = Array.from({ length: Math.min(READ_ROWS, pairs.count - begin) }, (_, at) => begin + at);
    const { sources, targets } = await pairs.read(rows);
    rows.forEach((row, at) => {
      keyOf({ source: sources[at]!, target: targets[at]! }).copy(all, row * KEY_BYTES);
    });
  }
  // The first word almost always decides, and comparing numbers is faster than comparing buffers.
  const words = Uint32Array.from({ length: pairs.count }, (_, row) => keyAt(all, row).readUInt32BE(0));
  const rows = Int32Array.from({ length: pairs.count }, (_, row) => row).sort(
    (a, b) => words[a]! - words[b]! || keyAt(all, a).compare(keyAt(all, b)) || a - b,
  );
  const order = rows.filter(
    (row: number, at: number) => at === 0 || !keyAt(all, row).equals(keyAt(all, rows[at - 1]!)),
  );
  const keys = Buffer.alloc(order.length * KEY_BYTES);
  order.forEach((row, at) => {
    keyAt(all, row).copy(keys, at * KEY_BYTES);
  });
  return { order, keys };
}

/** The batches of a shard, in scoring order. The same pairs are always scored together. */
export function shardBatches(
  { starts, buckets, assignment }: CachePlan,
  shard: number,
  vocabularySize: number,
): ScoreBatch[] {
  const batches: ScoreBatch[] = [];
  buckets.forEach((bucket, index) => {
    const members: number[] = [];
    for (let at = starts[shard]!; at < starts[shard + 1]!; at++)
      if (assignment[at] === index) members.push(at);
    const size = Math.max(
      1,
      Math.min(BATCH_ROWS, Math.floor(BATCH_LOGITS / (bucket.target * vocabularySize))),
    );
    for (let begin = 0; begin < members.length; begin += size)
      batches.push({ bucket, size, members: members.slice(begin, begin + size) });
  });
  return batches;
}
