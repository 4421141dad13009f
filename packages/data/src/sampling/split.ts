/** Assigns sources to splits. The source alone decides, so reruns and larger files do not move sources. */
import { createHash } from "node:crypto";
import type { Picture } from "../images/picture.js";

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

/**
 * Normalization for comparing sources: case, Unicode form and spacing are ignored. Otherwise a tokenizer that lower-cases could meet a
 * test word in training.
 */
export function sourceKey(source: string): string {
  return folded(folded(source))
    .replace(/\p{White_Space}+/gu, " ")
    .trim();
}

/** Twice, since a compatibility character may become one that has a lower case, and the other way round. */
function folded(text: string): string {
  return text.toLowerCase().normalize("NFKC");
}

/**
 * What must not be in two splits: what the picture of a row shows where it has one, since its questions help one another, else the
 * source.
 */
export function splitKey(source: string, picture: Picture | undefined): string {
  return picture?.content ?? sourceKey(source);
}

/** The numbers of a source, from the SHA-256 of its key in UTF-8. */
export function hashSource(source: string): SourceHash {
  return hashKey(sourceKey(source));
}

/** The numbers of a {@link splitKey}. */
export function hashKey(key: string): SourceHash {
  const digest = createHash("sha256").update(key, "utf8").digest();
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
