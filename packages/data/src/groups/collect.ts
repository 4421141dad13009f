/** First pass: checks rows, assigns them to splits, and distributes them over buckets. Rows with equal sources are in the same bucket. */
import { maxRejectedOf, type DataConfig } from "../config/data-config.js";
import type { DataInput } from "../inputs/data-inputs.js";
import { HashTable } from "../storage/hash-table.js";
import type { Picture } from "../images/picture.js";
import { UnusableRecords, type Rejections } from "../rows/rejections.js";
import { referencesOf, type Rejection, type Row } from "../rows/row.js";
import type { Spill } from "../storage/spill.js";
import {
  hashKey,
  sourceKey,
  splitKey,
  splitOf,
  SPLITS,
  type Split,
  type SplitFractions,
} from "../sampling/split.js";
import { sourceUnits, targetUnits } from "../statistics/statistics.js";

/** A row in a bucket. */
export interface CollectedRow {
  /** Index among all rows. */
  readonly place: number;
  readonly file: number;
  readonly line: number;
  readonly split: Split;
  readonly row: Row;
  readonly picture?: Picture;
}

export interface Collected {
  /** Rows in buckets. */
  readonly rows: number;
  /** Training rows rejected because a test or dev file has their source. They are also counted as rejections. */
  readonly leaked: number;
  /** Split of every source by its key, as the index in {@link SPLITS} plus 1. Empty unless requested. */
  readonly owners: HashTable;
}

export interface CollectOptions {
  /** Called after every line. */
  readonly onLine: () => void;
  readonly rejections: Rejections;
  /** Whether to record the split of every source. */
  readonly keepOwners: boolean;
}

/**
 * Reads every input and assigns each row to one split.
 *
 * A source in a test file is a test source, and a source in a dev file is a dev source. The same source in another file is rejected,
 * because it would leak test data into training. Only hashes of held-out sources stay in memory.
 *
 * @throws SlmError INPUT_MISSING if an input cannot be read, DATA_INVALID or CONFIG_INVALID if it cannot be parsed, DATA_INVALID if
 * more of its records are unusable than `maxRejected` allows.
 */
export async function collectRows(
  inputs: readonly DataInput[],
  config: DataConfig,
  spill: Spill,
  { onLine, rejections, keepOwners }: CollectOptions,
): Promise<Collected> {
  const owners = new HashTable();
  /** Source keys of files with a fixed split. */
  const made = new HashTable();
  const fractions = fractionsOf(inputs, config);
  let rows = 0;
  let leaked = 0;
  const unusable = new UnusableRecords();
  for (const [file, { name, paths, split: own, scan, pictures }] of inputs.entries()) {
    const isFile = paths.length > 0;
    for await (const scanned of scan()) {
      onLine();
      const reject = (rejection: Rejection, isUnusable: boolean): void => {
        rejections.add({ file: name, ...rejection });
        if (isFile) unusable.add(isUnusable ? { file: name, ...rejection } : undefined);
      };
      if (!("row" in scanned)) {
        reject(scanned, true);
        continue;
      }
      const { row, line } = scanned;
      const long = tooLong(row, config);
      if (long !== undefined) {
        reject({ line, reason: long }, false);
        continue;
      }
      const picture = scanned.picture ?? (row.image === undefined ? undefined : await pictures.identify(row));
      if (typeof picture === "string") {
        reject({ line, reason: picture }, true);
        continue;
      }
      const key = splitKey(row.source, picture);
      const owner = made.get(key);
      if (owner !== undefined && SPLITS[owner - 1] !== own) {
        reject({ line, reason: leakReason(row, SPLITS[owner - 1]!) }, false);
        leaked++;
        continue;
      }
      if (isFile) unusable.add(undefined);
      if (own !== undefined) made.set(key, numberOf(own));
      const hash = hashKey(key);
      const split = own ?? splitOf(hash, fractions);
      if (keepOwners) keepOwner(owners, sourceKey(row.source), split);
      // The rank is independent of the split, so buckets fill evenly.
      const collected = { place: rows++, file, line, split, row };
      await spill.add(
        hash.rank,
        (picture === undefined ? collected : { ...collected, picture }) satisfies CollectedRow,
      );
    }
  }
  // Without any rows, the caller reports a more specific error.
  if (rows > 0) unusable.check(maxRejectedOf(config));
  return { rows, leaked, owners };
}

/** The number of a split in hash tables. */
function numberOf(split: Split): number {
  return SPLITS.indexOf(split) + 1;
}

/** If two splits have variants of the same source, the held-out split wins, to avoid a leak. */
function keepOwner(owners: HashTable, key: string, split: Split): void {
  owners.set(key, Math.max(numberOf(split), owners.get(key) ?? 0));
}

/** If a split has its own file, the training file adds no rows to it. */
function fractionsOf(
  inputs: readonly DataInput[],
  { testFraction, devFraction }: DataConfig,
): SplitFractions {
  const has = (wanted: Split): boolean => inputs.some(({ split }) => split === wanted);
  return { testFraction: has("test") ? 0 : testFraction, devFraction: has("dev") ? 0 : devFraction };
}

function tooLong(row: Row, { maxSource, maxTarget }: DataConfig): string | undefined {
  const source = maxSource === undefined ? 0 : sourceUnits(row.source).length;
  if (maxSource !== undefined && source > maxSource) {
    return `the source has ${source} characters, expected at most ${maxSource}`;
  }
  if (maxTarget === undefined) return undefined;
  const target = Math.max(...[row.target, ...referencesOf(row)].map((text) => targetUnits(text).length));
  return target > maxTarget ? `the target has ${target} tokens, expected at most ${maxTarget}` : undefined;
}

function leakReason({ source, image }: Row, owner: Split): string {
  const what = image === undefined ? "source" : "image";
  return `the ${what} ${JSON.stringify((image ?? source).slice(0, 200))} is also in the ${owner} file`;
}
