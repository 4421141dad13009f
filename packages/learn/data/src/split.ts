/** Which split a source belongs to. Decided by the source alone, so a rerun or a grown file moves nothing. */
import { createHash } from "node:crypto";

export const SPLITS = ["train", "dev", "test"] as const;
export type Split = (typeof SPLITS)[number];

export interface SplitFractions {
  readonly testFraction: number;
  readonly devFraction: number;
}

/** Two independent numbers in [0, 1) that a source always gets. */
export interface SourceHash {
  /** Decides the split. */
  readonly split: number;
  /** Decides the order in which training sources are taken when rows are limited. */
  readonly rank: number;
}

/** Bytes of the digest behind each number: 48 bits, exact in a double. */
const HASH_BYTES = 6;

/** What makes two sources the same: an encoder that lower-cases must not meet a test word in training. */
export function sourceKey(source: string): string {
  return source.toLowerCase();
}

/** The numbers of a source, from the SHA-256 of its key in UTF-8. */
export function hashSource(source: string): SourceHash {
  const digest = createHash("sha256").update(sourceKey(source), "utf8").digest();
  const scale = 256 ** HASH_BYTES;
  return {
    split: digest.readUIntBE(0, HASH_BYTES) / scale,
    rank: digest.readUIntBE(HASH_BYTES, HASH_BYTES) / scale,
  };
}

/** The split of a hash: the lowest part is test, the next dev, the rest train. */
export function splitOf({ split }: SourceHash, { testFraction, devFraction }: SplitFractions): Split {
  if (split < testFraction) return "test";
  return split < testFraction + devFraction ? "dev" : "train";
}
