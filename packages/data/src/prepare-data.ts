/** The data stage: reads files or a dataset module, writes three JSONL files and statistics. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, SlmError } from "@slm/core";
import { augmentTrain } from "./augment/augment-train.js";
import { collectRows } from "./groups/collect.js";
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

/** Names of the files the data stage writes. */
export const DATA_FILES = {
  train: "train.jsonl",
  dev: "dev.jsonl",
  test: "test.jsonl",
  /** Only where the configuration names unlabelled sources or limits labels. */
  unlabelled: "unlabelled.jsonl",
  statistics: "statistics.json",
} as const;

/** Temporary directories for data that does not fit in memory. */
const SPILL_DIRECTORIES = { rows: ".rows", groups: ".groups" } as const;

export interface DataReport extends TextStatistics, DuplicateCounts {
  /** Rows written, all splits together. */
  readonly rows: number;
  /** Rows per split: pairs for train, sources for dev and test. */
  readonly splits: Readonly<Record<Split, number>>;
  /** The first rejected lines, 100 at most. */
  readonly rejected: readonly FileRejection[];
  readonly rejectedCount: number;
  /** Training rows left out because a dev or test file has their source; `rejectedCount` counts them too. */
  readonly leaked: number;
  /** Rows of the training split that kept their targets, and sources that lost them; only with `labels`. */
  readonly labels?: { readonly labelled: number; readonly unlabelled: number } | undefined;
  /** Training rows made out of others, which \`splits\` counts too; only where the configuration asks for them. */
  readonly augmented?: number;
  /** Only where the configuration names unlabelled sources. */
  readonly unlabelled?: UnlabelledReport;
  /** Only where rows have images. */
  readonly images?: ImageStatistics;
}

/** Progress of the stage; `done` counts lines while reading and rows while writing. */
interface DataProgress {
  readonly step: "read" | "write";
  readonly done: number;
}

export interface PrepareOptions {
  readonly signal?: AbortSignal;
  readonly progress?: (progress: DataProgress) => void;
  /** Decides what \`augment\` draws and which rows keep `labels`, not the splits. Default 0. */
  readonly seed?: number;
  /** Text held in memory before it goes to disk [UTF-16 units]. Default 16 Mi. */
  readonly memoryUnits?: number;
  /** Input per bucket on disk, one of which is in memory at a time [bytes]. Default 8 MiB. */
  readonly bucketBytes?: number;
}

/** Lines between two looks at the signal and two reports of progress. */
const REPORT_EVERY = 4096;

/**
 * Reads the configured files or runs the dataset module, splits them by a hash of the source text, and writes `train.jsonl` (one row per pair),
 * `dev.jsonl` and `test.jsonl` (one row per source, with all its targets as references), `unlabelled.jsonl` where there are
 * unlabelled sources (training sources that `labels` leaves without targets, then those that no split has), `statistics.json`, and the images of rows below `images/`.
 *
 * Data may be larger than memory: rows go through buckets on disk, and of held-out sources only hashes are kept.
 *
 * Images that a killed call wrote into the same directory are not made again.
 *
 * Deterministic: the same input, configuration and seed give the same bytes. Invalid lines are reported, not fatal.
 *
 * Writes: into `outputDirectory`, which the caller makes visible when all is done.
 *
 * @throws SlmError INPUT_MISSING if an input cannot be read, DATA_INVALID if it is not of its format, if a dataset module throws
 * or yields what is no example, or if no training row is left, CONFIG_INVALID if a file lacks a column that the configuration names,
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
    ...{ config, outputDirectory, seed, opened, byRank, ordered },
    rejections: new Rejections(),
    watch: new Watch(signal, progress),
  };
  const clear = async (): Promise<void> => {
    await Promise.all([byRank.clear(), ordered.clear()]);
  };
  return write(outputDirectory, async () => {
    await clear(); // An interrupted run may have left some.
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

/** What every step of the stage works with. */
interface Preparation {
  readonly config: DataConfig;
  readonly outputDirectory: string;
  readonly seed: number;
  readonly opened: OpenInputs;
  /** Rows in buckets: by the rank of their source, then in the order of the output. */
  readonly byRank: Spill;
  readonly ordered: Spill;
  readonly rejections: Rejections;
  readonly watch: Watch;
}

/** Looks at the signal and reports progress, now and then. */
class Watch {
  readonly #signal: AbortSignal | undefined;
  readonly #progress: PrepareOptions["progress"];
  #lines = 0;
  #rows = 0;

  constructor(signal: AbortSignal | undefined, progress: PrepareOptions["progress"]) {
    this.#signal = signal;
    this.#progress = progress;
  }

  /** Lines read. */
  get lines(): number {
    return this.#lines;
  }

  /** @throws SlmError INTERRUPTED */
  readonly check = (): void => {
    stopIfAborted(this.#signal);
  };

  readonly onLine = (): void => {
    if (++this.#lines % REPORT_EVERY !== 0) return;
    this.check();
    this.#progress?.({ step: "read", done: this.#lines });
  };

  onWritten(rows: number): void {
    this.#rows += rows;
    this.#progress?.({ step: "write", done: this.#rows });
  }
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

/** Brings rows of one source together and rows into the order of the output. @throws SlmError DATA_INVALID if none is left to train on */
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
  /** Rows of each split out of the inputs. */
  readonly own: Readonly<Record<Split, number>>;
  /** Training sources that `labels` left without targets. */
  readonly withoutLabel: number;
  readonly augmented: number | undefined;
  readonly images: ImageStatistics | undefined;
  readonly texts: TextStatistics;
}

/** Writes the splits with their images, then what is made out of them. */
async function writeRows(
  { config, outputDirectory, seed, opened, ordered, watch }: Preparation,
  { limit }: Grouped,
): Promise<Written> {
  const { check } = watch;
  const files = DATA_FILES;
  await makeFolder(outputDirectory);
  // An interrupted run may have left one.
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

/** Unlabelled sources that are in no split; undefined where the configuration names none. */
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

/** Runs what reads inputs and writes outputs; what the system rejects is about the outputs, since readers name their own. */
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

function stopIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted === true) {
    throw new SlmError("INTERRUPTED", "data: interrupted before the rows were complete", {
      cause: signal.reason,
    });
  }
}

function noTrainingRows(lines: number, { list, count }: Rejections, leaked: number): SlmError {
  const first = list[0];
  const why = first === undefined ? "" : `; first rejected: ${first.file}:${first.line}: ${first.reason}`;
  return new SlmError(
    "DATA_INVALID",
    `data: expected at least one training row, got none of ${lines} lines (${count} rejected${why})`,
    {
      context: { lines, rejectedCount: count, rejected: list },
      suggestions: [
        ...hintsOf(list),
        ...(leaked > 0
          ? ["leave data.test and data.dev out: data.testFraction makes them of the training rows"]
          : []),
        "slm data inspect FILE",
      ],
    },
  );
}
