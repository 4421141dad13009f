/** Assigns sources to splits by a hash of the source, so reruns and larger files do not move sources. */
import { createHash } from "node:crypto";
import type { Picture } from "../images/picture.js";

export const SPLITS = ["train", "dev", "test"] as const;
export type Split = (typeof SPLITS)[number];

export interface SplitFractions {
  readonly testFraction: number;
  readonly devFraction: number;
}

/** Two independent, deterministic numbers in [0, 1) for a source. */
export interface SourceHash {
  /** Decides the split. */
  readonly split: number;
  /** Decides which training sources a row limit keeps. */
  readonly rank: number;
}

/** Bytes of the digest per number: 48 bits, exact in a double. */
const HASH_BYTES = 6;

/**
 * Normalizes a source for comparison: case, Unicode form and spacing are ignored. Otherwise a lower-casing tokenizer could see a
 * test word in training.
 */
export function sourceKey(source: string): string {
  return folded(folded(source))
    .replace(/\p{White_Space}+/gu, " ")
    .trim();
}

/** Twice, because normalization can create characters with a lower case, and lower-casing can create characters to normalize. */
function folded(text: string): string {
  return text.toLowerCase().normalize("NFKC");
}

/**
 * The key that must not be in two splits: the image's content if the row has an image, because questions about one image help each other;
 * otherwise the source.
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

/** The split of a hash: the lowest range is test, the next is dev, the rest is train. */
export function splitOf({ split }: SourceHash, { testFraction, devFraction }: SplitFractions): Split {
  if (split < testFraction) return "test";
  return split < testFraction + devFraction ? "dev" : "train";
}
