/** Builds a shard of a cache: scores its pairs and stores the teacher's most probable tokens. */
import { hashJson, sha256, throwIfInterrupted } from "@slm/core";
import { createHostTensor, type HostTensor } from "@slm/runtime";
import { shardBatches, type CachePlan, type ScoreBatch } from "./cache-plan.js";
import { KEY_BYTES } from "./pair-key.js";
import { encodeShard, type ShardTensors } from "./shard-file.js";
import type { CacheBuild } from "./teacher-cache.js";
import { storeTopTokens, type StoredPosition } from "./top-tokens.js";

/** Part of the identity of shards: another layout or rounding needs another version. */
const FORMAT_VERSION = 2;

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

/** Builds the bytes of a shard. The teacher scores one batch while the previous one is stored.
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
  const count = plan.starts[shard + 1]! - first;
  const lengths = Array.from({ length: count }, (_, at) => pairs.lengths.target[plan.order[first + at]!]!);
  const starts = new Int32Array(count + 1);
  lengths.forEach((length, at) => (starts[at + 1] = starts[at]! + length));
  const tokens = starts[count]!;
  const { tensors, positionAt } = allocate(tokens, vocabularySize, k);
  const sums = { tailMass: 0, kl: 0, maxKl: 0 };
  const batches = shardBatches(plan, shard, vocabularySize);
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
      const length = lengths[member - first]!;
      for (let i = 0; i < length; i++) {
        const from = (row * batch.bucket.target + i) * vocabularySize;
        const position = positionAt(starts[member - first]! + i);
        const { tail, kl } = storeTopTokens(logits.subarray(from, from + vocabularySize), position);
        sums.tailMass += tail;
        sums.kl += kl;
        sums.maxKl = Math.max(sums.maxKl, kl);
      }
      scored += length;
    });
    onTokens(scored);
  }
  const { shardBits } = plan;
  const header = { vocabularySize, k, shard, shardBits, pairs: count, tokens, sums };
  const keys = plan.keys.subarray(first * KEY_BYTES, (first + count) * KEY_BYTES);
  return encodeShard(
    { ...header, plan: shardPlan(build, plan, shard, k) },
    {
      keys: createHostTensor("uint8", [count, KEY_BYTES], keys),
      starts: createHostTensor("int32", [count + 1], starts),
      ...tensors,
    },
  );
}

/** Tensors of the distributions, and a view of each position. */
function allocate(
  tokens: number,
  vocabularySize: number,
  k: number,
): {
  readonly tensors: Pick<ShardTensors, "ids" | "logProbabilities">;
  readonly positionAt: (position: number) => StoredPosition;
} {
  const isWhole = k === vocabularySize;
  const columns = isWhole ? k : k + 1;
  const values = new Uint16Array(tokens * columns);
  const logProbabilities = createHostTensor("float16", [tokens, columns], values);
  const valuesAt = (position: number): Uint16Array =>
    values.subarray(position * columns, (position + 1) * columns);
  if (isWhole)
    return {
      tensors: { logProbabilities },
      positionAt: (position) => ({ logProbabilities: valuesAt(position) }),
    };
  const ids = new Int32Array(tokens * k);
  return {
    tensors: { ids: createHostTensor("int32", [tokens, k], ids), logProbabilities },
    positionAt: (position) => ({
      ids: ids.subarray(position * k, (position + 1) * k),
      logProbabilities: valuesAt(position),
    }),
  };
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
