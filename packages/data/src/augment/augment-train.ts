/** Appends copies with augmented slot values to the training rows on disk. */
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { HashTable } from "../storage/hash-table.js";
import { readRows } from "../formats/read-rows.js";
import type { Row } from "../rows/row.js";
import { sourceKey, SPLITS, type Split } from "../sampling/split.js";
import type { AugmentConfig } from "./augment-config.js";
import { SlotSwapper } from "./slot-swapper.js";

/** Rows written between two calls of `onRows`. */
const BATCH_ROWS = 4096;

export interface AugmentOptions {
  readonly settings: AugmentConfig;
  readonly seed: number;
  /** File name of each split. */
  readonly files: Readonly<Record<Split, string>>;
  /** Called with each batch of written copies; may throw. */
  readonly onRows: (rows: readonly Row[]) => void;
}

/**
 * Appends copies of the training rows. A copy never has a source that is already in a split.
 *
 * Reads and writes: the split files in `directory`. In memory are the values of each key and a hash of each source.
 *
 * @returns rows appended
 */
export async function augmentTrain(
  directory: string,
  { settings, seed, files, onRows }: AugmentOptions,
): Promise<number> {
  const taken = new HashTable();
  const swapper = new SlotSwapper(settings, seed);
  let originals = 0;
  for (const split of SPLITS) {
    for await (const row of readRows(join(directory, files[split]))) {
      taken.seen(sourceKey(row.source));
      if (split !== "train") continue;
      swapper.learn(row);
      originals++;
    }
  }

  const path = join(directory, files.train);
  let index = 0;
  let appended = 0;
  let batch: Row[] = [];
  const flush = async (): Promise<void> => {
    onRows(batch);
    await appendFile(path, batch.map((row) => `${JSON.stringify(row)}\n`).join(""));
    appended += batch.length;
    batch = [];
  };
  for await (const row of readRows(path)) {
    // The file grows while it is read. The copies themselves are not copied.
    if (index === originals) break;
    for (const copy of swapper.copies(row, index, (key) => taken.get(key) !== undefined)) {
      taken.seen(sourceKey(copy.source));
      batch.push(copy);
    }
    index++;
    if (batch.length >= BATCH_ROWS) await flush();
  }
  await flush();
  return appended;
}
