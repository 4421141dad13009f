/** Synthetic sources for a teacher to label: generated words that resemble the training words. */
import { join } from "node:path";
import { z } from "zod";
import { HashTable } from "../storage/hash-table.js";
import { LetterChain } from "../sampling/letter-chain.js";
import { readRows } from "../formats/read-rows.js";
import { sfc32 } from "../sampling/shuffle.js";
import { sourceKey, type Split } from "../sampling/split.js";

/** Read from `synthetic:` in the `data:` section of a recipe. */
export const syntheticConfig = z.strictObject({
  sources: z
    .int()
    .positive()
    .max(10_000_000)
    .describe(
      "Number of synthetic sources for the teacher to label, generated letter by letter from the training sources. For words " +
        "and short names. A teacher may have memorized the training rows, but not these.",
    ),
});

type SyntheticConfig = z.infer<typeof syntheticConfig>;

/** Draws in a row without a new source, after which the training sources are held to bring no more. */
const MAX_MISSES = 2000;

export interface SyntheticOptions {
  readonly settings: SyntheticConfig;
  readonly seed: number;
  /** Names of the files of the splits. */
  readonly files: Readonly<Record<Split, string>>;
  /** Whether a source, by its key, is in use already, above all in a held-out split. */
  readonly isTaken: (key: string) => boolean;
  readonly check: () => void;
}

/**
 * New sources, each once; fewer than asked for where the training sources are too few or too long to recombine.
 *
 * Deterministic in the training rows and the seed. Reads the training file in `directory`.
 */
export async function synthesizeSources(
  directory: string,
  { settings, seed, files, isTaken, check }: SyntheticOptions,
): Promise<readonly string[]> {
  const chain = new LetterChain();
  const learnt = new HashTable();
  for await (const { source } of readRows(join(directory, files.train))) {
    if (!learnt.seen(sourceKey(source))) chain.learn(source);
  }
  const random = sfc32(seed, 0);
  const made = new HashTable();
  const sources: string[] = [];
  let misses = 0;
  while (sources.length < settings.sources && misses < MAX_MISSES) {
    check();
    const source = chain.draw(random)?.trim();
    const key = source === undefined || source === "" ? undefined : sourceKey(source);
    if (source === undefined || key === undefined || isTaken(key) || made.seen(key)) {
      misses++;
      continue;
    }
    sources.push(source);
    misses = 0;
  }
  return sources;
}
