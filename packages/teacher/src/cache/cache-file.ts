/** `cache.json`: the description of a cache. It is written last, so its presence marks a complete cache. */
import { readJsonFile } from "@slm/core";
import { join } from "node:path";
import { z } from "zod";
import { MAX_SHARD_BITS } from "./cache-plan.js";
import {
  CACHE_FILE,
  FORMAT_NAME,
  FORMAT_VERSION,
  INDEX_ENTRY_BYTES,
  MAX_VOCABULARY,
  type ShardHeader,
} from "./shard-format.js";

const count = z.int().nonnegative();
const nats = z.number().nonnegative();

const cacheFileSchema = z
  .strictObject({
    format: z.literal(FORMAT_NAME),
    version: z.literal(FORMAT_VERSION),
    vocabularySize: z.int().positive().max(MAX_VOCABULARY),
    k: z.int().positive().describe("Tokens stored per position, at most the vocabulary size."),
    shardBits: count.max(MAX_SHARD_BITS).describe("Binary logarithm of the number of shards."),
    pairs: count,
    tokens: z.int().positive().describe("Target positions, including EOS tokens."),
    bytes: count.describe("Size of all shards and the index [bytes]."),
    index: z.strictObject({ bytes: count, sha256: z.string().regex(/^[0-9a-f]{64}$/u) }),
    truncation: z.strictObject({
      meanTailMass: nats,
      meanKl: nats.describe("Mean KL(teacher || decoded) [nats per token]."),
      maxKl: nats.describe("Largest KL(teacher || decoded) of a position [nats]."),
      meanQuantizationKl: nats.describe("Part of meanKl that is due to rounding [nats per token]."),
    }),
  })
  .refine(({ k, vocabularySize }) => k <= vocabularySize, {
    path: ["k"],
    message: "more than the vocabulary",
  })
  .refine(({ index, shardBits }) => index.bytes === INDEX_ENTRY_BYTES * 2 ** shardBits, {
    path: ["index", "bytes"],
    message: `not ${INDEX_ENTRY_BYTES} per shard`,
  });

export type CacheFile = z.infer<typeof cacheFileSchema>;

/** Reads and checks `cache.json`. @throws SlmError INPUT_MISSING, DATA_INVALID */
export function readCacheFile(directory: string): Promise<CacheFile> {
  return readJsonFile(join(directory, CACHE_FILE), cacheFileSchema, {
    limitBytes: 1 << 16,
    suggestions: ["slm teacher cache RECIPE"],
  });
}

/** Contents of `cache.json` for these shards. Sums are computed in shard order, so that they are bit-exact. */
export function cacheFileOf(
  shards: readonly { readonly header: ShardHeader; readonly bytes: number }[],
  index: CacheFile["index"],
): CacheFile {
  const { vocabularySize, k, shardBits } = shards[0]!.header;
  const total = (pick: (shard: (typeof shards)[number]) => number): number =>
    shards.reduce((sum, shard) => sum + pick(shard), 0);
  const tokens = total(({ header }) => header.tokens);
  return {
    format: FORMAT_NAME,
    version: FORMAT_VERSION,
    vocabularySize,
    k,
    shardBits,
    pairs: total(({ header }) => header.pairs),
    tokens,
    bytes: index.bytes + total(({ bytes }) => bytes),
    index,
    truncation: {
      meanTailMass: total(({ header }) => header.sums.tailMass) / tokens,
      meanKl: total(({ header }) => header.sums.kl) / tokens,
      maxKl: Math.max(...shards.map(({ header }) => header.sums.maxKl)),
      meanQuantizationKl: total(({ header }) => header.sums.quantizationKl) / tokens,
    },
  };
}
