/** Builds a shard of a cache: scores its pairs, encodes the teacher's distributions, and lays out the file. */
import { createHash } from "node:crypto";
import { hashJson, sha256, throwIfInterrupted } from "@slm/core";
import type { HostTensor } from "@slm/runtime";
import { BitWriter } from "./bits.js";
import { keyAt, shardBatches, type CachePlan, type ScoreBatch } from "./cache-plan.js";
import { writeDistribution } from "./distribution-code.js";
import { KEY_BYTES, keyBits } from "./pair-key.js";
import {
  corrupt,
  encodeHeader,
  ENTRY_BYTES,
  fanBitsFor,
  FORMAT_VERSION,
  layoutOf,
  MAX_SHARD_BYTES,
  shardFile,
  type ShardHeader,
  type ShardSums,
} from "./shard-format.js";
import type { CacheBuild } from "./teacher-cache.js";
import { topTokens } from "./top-tokens.js";

/**
 * Byte budget of a position at k = 50, including its share of the directory. Other values of k have the same budget per kept token, plus the budget of
 * four tokens for the parts that do not depend on k.
 */
const BYTES_AT_50 = 115;
/** Bytes per pair in addition to its record: its directory entry, its share of the fan, and unused bits of the last byte. */
const PAIR_BYTES = ENTRY_BYTES + 1.5;

export interface EncodedPair {
  readonly record: Uint8Array;
  readonly sums: ShardSums;
}

/**
 * Bit budget of a record with `tokens` positions. It is exceeded only if the coarsest step does not fit, for example with one position.
 */
export function recordBudget(tokens: number, k: number): number {
  return Math.floor(8 * ((BYTES_AT_50 / 54) * (k + 4) * tokens - PAIR_BYTES));
}

/**
 * Encodes the positions of one pair; `logits` are their rows, one after the other. Unused bits of a position are available to later
 * ones.
 */
export function encodePair(
  writer: BitWriter,
  logits: Float32Array,
  shape: { readonly vocabularySize: number; readonly k: number },
): EncodedPair {
  const { vocabularySize, k } = shape;
  const tokens = logits.length / vocabularySize;
  const budget = recordBudget(tokens, k);
  const sums = { tailMass: 0, kl: 0, maxKl: 0, quantizationKl: 0 };
  for (let i = 0; i < tokens; i++) {
    const top = topTokens(logits.subarray(i * vocabularySize, (i + 1) * vocabularySize), k);
    const left = Math.floor((budget - writer.bitLength) / (tokens - i));
    const rounding = writeDistribution(writer, top, shape, left);
    const { tail } = top;
    // KL of the equal shares: sum of p log p over the tail, minus tail · log(tail / others). The rounding part treats the tail as one
    // outcome.
    const spread = tail === 0 ? 0 : top.tailEntropy - tail * Math.log(tail / (vocabularySize - k));
    const kl = Math.max(0, rounding + spread);
    sums.tailMass += tail;
    sums.kl += kl;
    sums.maxKl = Math.max(sums.maxKl, kl);
    sums.quantizationKl += rounding;
  }
  return { record: writer.take(), sums };
}

/** Identity of a shard. A file with another identity belongs to another build. */
export function shardPlan(build: CacheBuild, plan: CachePlan, shard: number, k: number): string {
  const [begin, end] = [plan.starts[shard]!, plan.starts[shard + 1]!];
  const { identity, teacher } = build;
  const { vocabularySize } = teacher.config;
  return hashJson({
    version: FORMAT_VERSION,
    identity,
    vocabularySize,
    k,
    shard,
    shardBits: plan.shardBits,
    buckets: plan.buckets,
    keys: sha256(plan.keys.subarray(begin * KEY_BYTES, end * KEY_BYTES)),
  });
}

/** Builds the bytes of a shard. The teacher scores one batch while the previous one is encoded.
 *
 * @param onTokens called with the number of positions of each batch
 * @throws SlmError INTERRUPTED between batches.
 */
export async function makeShard(
  build: CacheBuild,
  plan: CachePlan,
  shard: number,
  k: number,
  onTokens: (count: number) => void,
): Promise<Buffer> {
  const { pairs, teacher, context } = build;
  const { vocabularySize } = teacher.config;
  const first = plan.starts[shard]!;
  const records = new Array<Uint8Array>(plan.starts[shard + 1]! - first);
  const batches = shardBatches(plan, shard, vocabularySize);
  const writer = new BitWriter();
  const sums = { tailMass: 0, kl: 0, maxKl: 0, quantizationKl: 0 };
  let tokens = 0;
  let ahead = batches[0] === undefined ? undefined : score(build, plan, batches[0]);
  for (const [index, batch] of batches.entries()) {
    const logits = (await ahead!).data as Float32Array;
    throwIfInterrupted(context.signal, "cache");
    const next = batches[index + 1];
    ahead = next === undefined ? undefined : score(build, plan, next);
    // An error is thrown where the batch is awaited. Until then it must not be an unhandled rejection.
    ahead?.catch(() => undefined);
    let scored = 0;
    batch.members.forEach((member, row) => {
      const count = pairs.lengths.target[plan.order[member]!]!;
      const begin = row * batch.bucket.target * vocabularySize;
      const rows = logits.subarray(begin, begin + count * vocabularySize);
      const encoded = encodePair(writer, rows, { vocabularySize, k });
      records[member - first] = encoded.record;
      sums.tailMass += encoded.sums.tailMass;
      sums.kl += encoded.sums.kl;
      sums.maxKl = Math.max(sums.maxKl, encoded.sums.maxKl);
      sums.quantizationKl += encoded.sums.quantizationKl;
      scored += count;
    });
    tokens += scored;
    onTokens(scored);
  }
  const recordBytes = records.reduce((sum, { length }) => sum + length, 0);
  const header = {
    vocabularySize,
    k,
    shard,
    shardBits: plan.shardBits,
    pairs: records.length,
    tokens,
    fanBits: fanBitsFor(records.length),
    recordBytes,
    sums,
    plan: shardPlan(build, plan, shard, k),
  };
  return layOut(header, records, (index) => keyAt(plan.keys, first + index));
}

async function score(
  { teacher, pairs, engine }: CacheBuild,
  plan: CachePlan,
  batch: ScoreBatch,
): Promise<HostTensor> {
  const { sources, targets } = await pairs.read(batch.members.map((member) => plan.order[member]!));
  const members = sources.map((source, index) => ({ source, target: targets[index]! }));
  const scored = await teacher.score(members, { batch: batch.size, ...batch.bucket });
  try {
    return await engine.download(scored);
  } finally {
    await engine.release([scored]);
  }
}

/** The file: header, fan, directory, records, digest. */
function layOut(
  header: ShardHeader,
  records: readonly Uint8Array[],
  keyOfPair: (index: number) => Buffer,
): Buffer {
  const layout = layoutOf(header);
  if (layout.bytes > MAX_SHARD_BYTES)
    throw corrupt(
      shardFile(header.shard),
      `would have ${layout.bytes} bytes, expected at most ${MAX_SHARD_BYTES}`,
    );
  const file = Buffer.alloc(layout.bytes);
  encodeHeader(header).copy(file);
  const below = new Uint32Array(2 ** header.fanBits + 1);
  let offset = 0;
  records.forEach((record, index) => {
    const key = keyOfPair(index);
    const entry = layout.directoryAt + index * ENTRY_BYTES;
    key.copy(file, entry);
    file.writeUInt32LE(offset, entry + KEY_BYTES);
    file.set(record, layout.recordsAt + offset);
    offset += record.length;
    below[keyBits(key, header.fanBits, header.shardBits) + 1]! += 1;
  });
  for (let i = 0; i < below.length; i++) {
    if (i > 0) below[i]! += below[i - 1]!;
    file.writeUInt32LE(below[i]!, layout.fanAt + 4 * i);
  }
  createHash("sha256").update(file.subarray(0, layout.digestAt)).digest().copy(file, layout.digestAt);
  return file;
}
