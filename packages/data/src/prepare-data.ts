/** The data stage: reads files or a dataset module, and writes JSONL files, images and statistics. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, SlmError } from "@slm/core";
import { augmentTrain } from "./augment/augment-train.js";
import { collectRows } from "./groups/collect.js";
import { DataWatch, type DataProgress } from "./data-watch.js";
import { maxRejectedOf, type DataConfig } from "./config/data-config.js";
import { inputBytes, openInputs, type OpenInputs } from "./inputs/data-inputs.js";
import type { DuplicateCounts } from "./groups/group-rows.js";
import type { HashTable } from "./storage/hash-table.js";
import type { ImageStatistics } from "./statistics/image-statistics.js";
import { hintsOf } from "./rows/hints.js";
import { PictureStore } from "./groups/picture-store.js";
import { MAX_REJECTIONS, Rejections, type FileRejection } from "./rows/rejections.js";
import type { Row } from "./rows/row.js";
import { RowLimit } from "./groups/row-limit.js";
import { bucketsFor, Spill } from "./storage/spill.js";
import { sourceKey, SPLITS, type Split } from "./sampling/split.js";
import { StatisticsCounter, type TextStatistics } from "./statistics/statistics.js";
import { collectUnlabelled, type UnlabelledReport } from "./inputs/unlabelled.js";
import { appendSources, groupAll, writeSplits } from "./groups/write-splits.js";

/** File names in the data stage's output. */
export const DATA_FILES = {
  train: "train.jsonl",
  dev: "dev.jsonl",
  test: "test.jsonl",
  /** Only if the configuration has unlabelled sources or limits labels. */
  unlabelled: "unlabelled.jsonl",
  statistics: "statistics.json",
} as const;

/** Temporary directories for data that exceeds the memory limit. */
const SPILL_DIRECTORIES = { rows: ".rows", groups: ".groups" } as const;

export interface DataReport extends TextStatistics, DuplicateCounts {
  /** Rows written to all splits. */
  readonly rows: number;
  /** Rows per split: pairs in train, sources in dev and test. */
  readonly splits: Readonly<Record<Split, number>>;
  /** The first 100 rejected lines. */
  readonly rejected: readonly FileRejection[];
  readonly rejectedCount: number;
  /** Training rows rejected because a dev or test file has their source. `rejectedCount` includes them. */
  readonly leaked: number;
  /** Training rows that kept their targets, and sources that lost them. Only with `labels`. */
  readonly labels?: { readonly labelled: number; readonly unlabelled: number } | undefined;
  /** Augmented training rows, which `splits` includes. Only with augmentation. */
  readonly augmented?: number;
  /** Only if the configuration has unlabelled sources. */
  readonly unlabelled?: UnlabelledReport;
  /** Only if rows have images. */
  readonly images?: ImageStatistics;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: DataProgress) => void;
  /** Seed of augmentation and of `labels`. Does not affect the splits. Default: 0. */
  readonly seed?: number;
  /** Text that is buffered in memory before it is written to disk [UTF-16 units]. Default: 16 Mi. */
  readonly memoryUnits?: number;
  /** Input per bucket on disk [bytes]. One bucket is in memory at a time. Default: 8 MiB. */
  readonly bucketBytes?: number;
}

/**
 * Reads the configured files or runs the dataset module, splits them by a hash of the source text, and writes `train.jsonl` (one row per pair),
 * `dev.jsonl` and `test.jsonl` (one row per source, with all its targets as references), `unlabelled.jsonl` if there are
 * unlabelled sources (training sources that lost their targets, then sources that are not in a split), `statistics.json`, and the rows' images in `images/`.
 *
 * Data may be larger than memory: rows are sorted in buckets on disk, and only hashes of held-out sources stay in memory.
 *
 * Complete images that a killed call wrote into the same directory are reused.
 *
 * Deterministic: the same input, configuration and seed result in the same bytes. Invalid lines are reported; they are not fatal.
 *
 * Writes into `outputDirectory`, which the caller publishes when everything is written.
 *
 * @throws SlmError INPUT_MISSING if an input cannot be read, DATA_INVALID if it does not have its format, if a dataset module throws
 * or yields an invalid example, or if no training rows remain, CONFIG_INVALID if a file lacks a configured column,
 * OUTPUT_FAILED if writing fails, INTERRUPTED if the signal fires.
 */
export async function prepareData(
  config: DataConfig,
  outputDirectory: string,
  { signal, progress, seed = 0, memoryUnits, bucketBytes }: PrepareOptions = {},
): Promise<DataReport> {
  const opened = await openInputs(config, signal ?? new AbortController().signal);
  const buckets = bucketsFor(await inputBytes(opened.inputs), bucketBytes);
  const [byRank, ordered] = [SPILL_DIRECTORIES.rows, SPILL_DIRECTORIES.groups].map(
    (directory) => new Spill({ directory: join(outputDirectory, directory), buckets, memoryUnits }),
  ) as [Spill, Spill];
  const preparation: Preparation = {
    config,
    outputDirectory,
    seed,
    opened,
    byRank,
    ordered,
    rejections: new Rejections(),
    watch: new DataWatch(signal, progress),
  };
  const clear = async (): Promise<void> => {
    await Promise.all([byRank.clear(), ordered.clear()]);
  };
  return write(outputDirectory, async () => {
    await clear(); // An interrupted run may have left temporary directories.
    try {
      const collected = await collect(preparation);
      const grouped = await group(preparation, collected);
      const written = await writeRows(preparation, grouped);
      const report = reportOf(preparation, collected, grouped, written);
      if (hasUnlabelled(config)) {
        const rows = (collected.unlabelled?.sources ?? []).map((source) => ({ source }));
        await appendSources(join(outputDirectory, DATA_FILES.unlabelled), rows);
      }
      await writeFile(join(outputDirectory, DATA_FILES.statistics), `${JSON.stringify(report, null, 2)}\n`);
      return report;
    } finally {
      await clear();
    }
  });
}

/** The shared state of the stage's steps. */
interface Preparation {
  readonly config: DataConfig;
  readonly outputDirectory: string;
  readonly seed: number;
  readonly opened: OpenInputs;
  /** Rows in buckets: first by the rank of their source, then in output order. */
  readonly byRank: Spill;
  readonly ordered: Spill;
  readonly rejections: Rejections;
  readonly watch: DataWatch;
}

/** Whether `unlabelled.jsonl` is written. */
const hasUnlabelled = ({ labels, unlabelled }: DataConfig): boolean =>
  labels !== undefined || unlabelled !== undefined;

type Collected = Awaited<ReturnType<typeof collect>>;

/** Reads every input into buckets by rank. */
async function collect({
  config,
  opened,
  byRank,
  rejections,
  watch,
}: Preparation): Promise<
  Awaited<ReturnType<typeof collectRows>> & { readonly unlabelled: UnlabelledSources | undefined }
> {
  const keepOwners = config.unlabelled !== undefined;
  const { onLine } = watch;
  const rows = await collectRows(opened.inputs, config, byRank, { onLine, rejections, keepOwners });
  const unlabelled = await unlabelledSources(config, opened, rows.owners, onLine);
  watch.check();
  return { ...rows, unlabelled };
}

interface Grouped {
  readonly limit: RowLimit;
  readonly counts: DuplicateCounts;
}

/** Groups rows by source and sorts them into output order. @throws SlmError DATA_INVALID if no training rows remain */
async function group(
  { config, seed, byRank, ordered, rejections, watch }: Preparation,
  { rows, leaked }: Collected,
): Promise<Grouped> {
  const limit = new RowLimit({ limit: config.limit, labels: config.labels, seed });
  const { check } = watch;
  const { trainRows, ...counts } = await groupAll(byRank, ordered, { inputRows: rows, limit, check });
  await byRank.clear();
  if (trainRows === 0) throw noTrainingRows(watch.lines, rejections, leaked);
  return { limit, counts };
}

interface Written {
  /** Rows of each split, without augmentation. */
  readonly own: Readonly<Record<Split, number>>;
  /** Training sources that lost their targets because of `labels`. */
  readonly withoutLabel: number;
  readonly augmented: number | undefined;
  readonly images: ImageStatistics | undefined;
  readonly texts: TextStatistics;
}

/** Writes the splits with their images, then the augmented rows. */
async function writeRows(
  { config, outputDirectory, seed, opened, ordered, watch }: Preparation,
  { limit }: Grouped,
): Promise<Written> {
  const { check } = watch;
  const files = DATA_FILES;
  await makeFolder(outputDirectory);
  // An interrupted run may have left this file.
  if (hasUnlabelled(config)) await writeFile(join(outputDirectory, files.unlabelled), "");
  const counter = new StatisticsCounter();
  const onRows = (batch: readonly Row[]): void => {
    check();
    for (const row of batch) counter.add(row.source, row.target);
    watch.onWritten(batch.length);
  };
  const pictures = new PictureStore(
    outputDirectory,
    opened.inputs.map((input) => input.pictures),
  );
  const splits = { limit, files, pictures, check, onRows };
  const { rows: own, unlabelled: withoutLabel } = await writeSplits(ordered, outputDirectory, splits);
  const images = pictures.summary();
  const augmented =
    config.augment === undefined
      ? undefined
      : await augmentTrain(outputDirectory, { settings: config.augment, seed, files, onRows });
  return { own, withoutLabel, augmented, images, texts: counter.summary() };
}

function reportOf(
  { config, rejections }: Preparation,
  { leaked, unlabelled }: Collected,
  { counts }: Grouped,
  { own, withoutLabel, augmented, images, texts }: Written,
): DataReport {
  const splits = { ...own, train: own.train + (augmented ?? 0) };
  return {
    rows: SPLITS.reduce((sum, split) => sum + splits[split], 0),
    splits,
    rejected: [...rejections.list, ...(unlabelled?.rejections.list ?? [])].slice(0, MAX_REJECTIONS),
    rejectedCount: rejections.count + (unlabelled?.rejections.count ?? 0),
    leaked,
    ...counts,
    ...(config.labels === undefined ? {} : { labels: { labelled: own.train, unlabelled: withoutLabel } }),
    ...(augmented === undefined ? {} : { augmented }),
    ...(unlabelled === undefined ? {} : { unlabelled: unlabelled.report }),
    ...(images === undefined ? {} : { images }),
    ...texts,
  };
}

type UnlabelledSources = Awaited<ReturnType<typeof collectUnlabelled>> & { readonly rejections: Rejections };

/** Writes unlabelled sources that are not in a split; undefined if the configuration has none. */
async function unlabelledSources(
  config: DataConfig,
  { dataset }: OpenInputs,
  owners: HashTable,
  onLine: () => void,
): Promise<UnlabelledSources | undefined> {
  const { unlabelled, maxSource } = config;
  if (unlabelled === undefined) return undefined;
  const rejections = new Rejections();
  const collected = await collectUnlabelled(unlabelled, {
    dataset,
    maxSource,
    maxRejected: maxRejectedOf(config),
    splitOf: (source) => SPLITS[(owners.get(sourceKey(source)) ?? 0) - 1],
    onLine,
    onRejected: (rejection) => {
      rejections.add(rejection);
    },
  });
  return { ...collected, rejections };
}

/** Runs the stage and reports file system errors as errors of the outputs, because readers wrap their own errors. */
async function write<Result>(directory: string, run: () => Promise<Result>): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    if (!(cause instanceof Error) || cause instanceof SlmError || !("syscall" in cause)) throw cause;
    throw new SlmError("OUTPUT_FAILED", `data: cannot write ${directory}: ${cause.message}`, {
      context: { directory },
      cause,
    });
  }
}

function noTrainingRows(lines: number, { list, count }: Rejections, leaked: number): SlmError {
  const first = list[0];
  const why = first === undefined ? "" : `; first rejected: ${first.file}:${first.line}: ${first.reason}`;
  return new SlmError(
    "DATA_INVALID",
    `data: expected at least one training row, got none from ${lines} lines (${count} rejected${why})`,
    {
      context: { lines, rejectedCount: count, rejected: list },
      suggestions: [
        ...hintsOf(list),
        ...(leaked > 0
          ? ["remove data.test and data.dev: data.testFraction and data.devFraction split the training rows"]
          : []),
        "slm data inspect FILE",
      ],
    },
  );
}
