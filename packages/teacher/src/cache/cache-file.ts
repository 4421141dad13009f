/** `cache.json`: the description of a cache. It is written last, so its presence marks a complete cache. */
import { readJsonFile } from "@slm/core";
import { join } from "node:path";
import { z } from "zod";
import { MAX_SHARD_BITS, MAX_VOCABULARY, type OpenShard } from "./shard-file.js";

export const CACHE_FILE = "cache.json";
/** Enough for the hashes of the largest number of shards. */
const LIMIT_BYTES = 80 * 2 ** MAX_SHARD_BITS;

const count = z.int().nonnegative();
const nats = z.number().nonnegative();

const cacheFileSchema = z
  .strictObject({
    format: z.literal("slm-teacher-cache"),
    version: z.literal(2),
    vocabularySize: z.int().positive().max(MAX_VOCABULARY),
    k: z.int().positive().describe("Tokens stored per position, at most the vocabulary size."),
    pairs: count,
    tokens: z.int().positive().describe("Target positions, including EOS tokens."),
    bytes: count.describe("Size of the shards' tensors [bytes]."),
    truncation: z.strictObject({
      meanTailMass: nats,
      meanKl: nats.describe("Mean KL(teacher || stored) before rounding to float16 [nats per token]."),
      maxKl: nats.describe("Largest of them [nats]."),
    }),
    shards: z.array(z.string()).describe("The hash of each shard's tensors; a power of two of them."),
  })
  .refine(({ k, vocabularySize }) => k <= vocabularySize, {
    path: ["k"],
    message: "more than the vocabulary",
  })
  .refine(({ shards }) => Number.isInteger(Math.log2(shards.length)), {
    path: ["shards"],
    message: "not a power of two",
  });

export type CacheFile = z.infer<typeof cacheFileSchema>;

/** Reads and checks `cache.json`. @throws SlmError INPUT_MISSING, DATA_INVALID */
export function readCacheFile(directory: string): Promise<CacheFile> {
  return readJsonFile(join(directory, CACHE_FILE), cacheFileSchema, {
    limitBytes: LIMIT_BYTES,
    suggestions: ["slm teacher cache RECIPE"],
  });
}

/** Contents of `cache.json` for these shards. Sums are computed in shard order, so that they are bit-exact. */
export function cacheFileOf(shards: readonly Pick<OpenShard, "header" | "bytes">[]): CacheFile {
  const { vocabularySize, k } = shards[0]!.header;
  const total = (pick: (shard: (typeof shards)[number]) => number): number =>
    shards.reduce((sum, shard) => sum + pick(shard), 0);
  const tokens = total(({ header }) => header.tokens);
  return {
    format: "slm-teacher-cache",
    version: 2,
    vocabularySize,
    k,
    pairs: total(({ header }) => header.pairs),
    tokens,
    bytes: total(({ bytes }) => bytes),
    truncation: {
      meanTailMass: total(({ header }) => header.sums.tailMass) / tokens,
      meanKl: total(({ header }) => header.sums.kl) / tokens,
      maxKl: Math.max(...shards.map(({ header }) => header.sums.maxKl)),
    },
    shards: shards.map(({ header }) => header.sha256),
  };
}
