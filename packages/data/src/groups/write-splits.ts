/** Last pass: groups come back in their final order and are written, a bucket at a time. */
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { groupBucket, type DuplicateCounts, type Group } from "./group-rows.js";
import { picturePath } from "../images/picture.js";
import type { PictureStore } from "./picture-store.js";
import type { Row } from "../rows/row.js";
import type { RowLimit } from "./row-limit.js";
import type { Spill } from "../storage/spill.js";
import { SPLITS, type Split } from "../sampling/split.js";

/**
 * Groups every bucket of `spill` and sorts the groups into `ordered` by where they belong in the end.
 *
 * @returns training rows, before any limit, and what was there twice
 */
export async function groupAll(
  spill: Spill,
  ordered: Spill,
  {
    inputRows,
    limit,
    check,
  }: {
    /** Rows of all inputs. */
    readonly inputRows: number;
    readonly limit: RowLimit;
    /** Called before each bucket; may throw. */
    readonly check: () => void;
  },
): Promise<DuplicateCounts & { readonly trainRows: number }> {
  const counts = { duplicates: 0, nearDuplicates: 0, conflicts: 0 };
  let trainRows = 0;
  for (let bucket = 0; bucket < spill.buckets; bucket++) {
    check();
    for (const group of await groupBucket(spill, bucket, counts)) {
      if (group.split === "train") {
        limit.add(group);
        trainRows += group.targets.length;
      }
      await ordered.add(shareOf(group, inputRows), group);
    }
  }
  limit.close();
  return { ...counts, trainRows };
}

/** Names of the files of the splits, by split. */
type SplitFiles = Readonly<Record<Split, string>>;

/** Rows written between two calls of `onRows`. */
const BATCH_ROWS = 4096;

/** Rows written per split, and sources written without their targets. */
interface WrittenRows {
  readonly rows: Readonly<Record<Split, number>>;
  readonly unlabelled: number;
}

/** Writes the splits and the sources that lost their targets; the file of every split appears, if only empty. */
export async function writeSplits(
  ordered: Spill,
  directory: string,
  {
    limit,
    files,
    pictures,
    check,
    onRows,
  }: {
    readonly limit: RowLimit;
    readonly files: SplitFiles & { readonly unlabelled: string };
    readonly pictures: PictureStore;
    /** Called often; may throw. */
    readonly check: () => void;
    /** Told of rows as they are written; may throw. */
    readonly onRows: (rows: readonly Row[]) => void;
  },
): Promise<WrittenRows> {
  const counts: Record<Split, number> = { train: 0, dev: 0, test: 0 };
  let unlabelled = 0;
  for (const split of SPLITS) await writeFile(join(directory, files[split]), "");
  for (let bucket = 0; bucket < ordered.buckets; bucket++) {
    const groups: Group[] = [];
    for await (const value of ordered.read(bucket)) groups.push(value as Group);
    groups.sort((a, b) => a.place - b.place);
    for (const split of SPLITS) {
      const own = groups.filter((one) => one.split === split);
      for (const { rows, groups: written } of batchesOf(own, limit)) {
        await pictures.keep(written, check);
        onRows(rows);
        counts[split] += rows.length;
        await appendFile(
          join(directory, files[split]),
          rows.map((row) => `${JSON.stringify(row)}\n`).join(""),
        );
      }
    }
    const sources = groups.filter((group) => limit.isUnlabelled(group)).map(({ row }) => row);
    if (sources.length > 0) await appendSources(join(directory, files.unlabelled), sources);
    unlabelled += sources.length;
  }
  return { rows: counts, unlabelled };
}

/** Appends unlabelled sources to a file, one JSON object a line. */
export async function appendSources(path: string, sources: readonly Pick<Row, "source">[]): Promise<void> {
  await appendFile(path, sources.map(({ source }) => `${JSON.stringify({ source })}\n`).join(""));
}

/** Groups and the rows that become of them; groups without any are left out. */
interface Batch {
  readonly rows: Row[];
  readonly groups: Group[];
}

function* batchesOf(groups: readonly Group[], limit: RowLimit): Generator<Batch> {
  let batch: Batch = { rows: [], groups: [] };
  for (const group of groups) {
    const rows = group.split === "train" ? trainRows(group, limit) : [heldOutRow(group)];
    if (rows.length === 0) continue;
    batch.rows.push(...rows);
    batch.groups.push(group);
    if (batch.rows.length < BATCH_ROWS) continue;
    yield batch;
    batch = { rows: [], groups: [] };
  }
  if (batch.rows.length > 0) yield batch;
}

/** Where a group belongs, from 0 to below 1. */
function shareOf({ place }: Group, inputRows: number): number {
  return place / Math.max(1, inputRows);
}

/** One row per pair. An empty target says that there is no answer, so it says so again. */
function trainRows(group: Group, limit: RowLimit): readonly Row[] {
  return limit.targetsOf(group).map((target) => ({
    source: group.row.source,
    target,
    ...(target === "" ? { references: [] } : {}),
    ...besideText(group),
  }));
}

/** One row per source, with every accepted target. */
function heldOutRow(group: Group): Row {
  const { row, targets } = group;
  return { source: row.source, target: targets[0]!, references: targets, ...besideText(group) };
}

function besideText({ split, picture, row: { teacherSource } }: Group): Pick<Row, "image" | "teacherSource"> {
  return {
    ...(picture === undefined ? {} : { image: picturePath(split, picture) }),
    ...(teacherSource === undefined ? {} : { teacherSource }),
  };
}
