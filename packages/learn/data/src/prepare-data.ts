/** The data stage: one source of rows in, three JSONL files and their statistics out. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { SlmError } from "@slm/error";
import type { AugmentConfig } from "./augment/augment-config.js";
import { SlotSwapper } from "./augment/slot-swapper.js";
import { collectGroups, MAX_REJECTIONS, type FileRejection, type Group } from "./collect.js";
import type { DataConfig } from "./data-config.js";
import type { Row } from "./row.js";
import { hashSource, sourceKey, SPLITS, type Split } from "./split.js";
import { StatisticsCounter, type TextStatistics } from "./statistics.js";
import { collectUnlabelled, unlabelledKey, type UnlabelledReport } from "./unlabelled.js";

/** Names of the files the data stage writes. */
export const DATA_FILES = {
  train: "train.jsonl",
  dev: "dev.jsonl",
  test: "test.jsonl",
  /** Only where the configuration names unlabelled sources. */
  unlabelled: "unlabelled.jsonl",
  statistics: "statistics.json",
} as const;

export interface DataReport extends TextStatistics {
  /** Rows written, all splits together. */
  readonly rows: number;
  /** Rows per split: pairs for train, sources for dev and test. */
  readonly splits: Readonly<Record<Split, number>>;
  /** The first rejected lines, 100 at most. */
  readonly rejected: readonly FileRejection[];
  readonly rejectedCount: number;
  /** Pairs of source and target met again; each was kept once. */
  readonly duplicates: number;
  /** Training rows among `rows` that were made out of others; only where the configuration asks for them. */
  readonly augmented?: number;
  /** Only where the configuration names unlabelled sources. */
  readonly unlabelled?: UnlabelledReport;
}

/** What the stage is doing; `done` counts lines while reading and rows while writing. */
export interface DataProgress {
  readonly step: "read" | "write";
  readonly done: number;
}

export interface PrepareOptions {
  /** Decides what `augment` draws; splits do not depend on it. Default: 1. */
  readonly seed?: number;
  readonly signal?: AbortSignal;
  readonly progress?: (progress: DataProgress) => void;
}

/** Lines between two looks at the signal and two reports of progress. */
const REPORT_EVERY = 4096;

/**
 * Reads the configured source, splits it by a hash of the source text, and writes `train.jsonl` (one row per pair),
 * `dev.jsonl` and `test.jsonl` (one row per source, with all its targets as references), `unlabelled.jsonl` where there are
 * unlabelled sources (those that no split has) and `statistics.json`.
 *
 * Deterministic: the same input and configuration give the same bytes. Lines that are no rows are reported, not fatal.
 *
 * Writes: into `outputDirectory`, which the caller makes visible when all is done.
 *
 * @throws SlmError INPUT_MISSING if an input cannot be read, DATA_INVALID if no training row is left,
 * OUTPUT_FAILED if the disk refuses, INTERRUPTED if the signal fires.
 */
export async function prepareData(
  config: DataConfig,
  outputDirectory: string,
  { seed = 1, signal, progress }: PrepareOptions = {},
): Promise<DataReport> {
  let lines = 0;
  const onLine = (): void => {
    if (++lines % REPORT_EVERY !== 0) return;
    stopIfAborted(signal);
    progress?.({ step: "read", done: lines });
  };
  const { groups, rejected, rejectedCount, duplicates } = await collectGroups(config, { onLine });
  const unlabelled = await unlabelledSources(config, groups, onLine);
  stopIfAborted(signal);

  const train = limitRows(groups.train, config.limit).flatMap(trainRows);
  const augmented = config.augment === undefined ? [] : augmentRows(train, groups, config.augment, seed);
  const rows = {
    train: [...train, ...augmented],
    dev: groups.dev.map(heldOutRow),
    test: groups.test.map(heldOutRow),
  } satisfies Record<Split, readonly Row[]>;
  if (rows.train.length === 0) throw noTrainingRows(lines, rejected, rejectedCount);

  const counter = new StatisticsCounter();
  for (const split of SPLITS) {
    for (const row of rows[split]) counter.add(row.source, row.target);
  }
  const splits = { train: rows.train.length, dev: rows.dev.length, test: rows.test.length };
  const total = splits.train + splits.dev + splits.test;
  const report: DataReport = {
    rows: total,
    splits,
    rejected: [...rejected, ...(unlabelled?.rejected ?? [])].slice(0, MAX_REJECTIONS),
    rejectedCount: rejectedCount + (unlabelled?.report.rejectedCount ?? 0),
    duplicates,
    ...(config.augment === undefined ? {} : { augmented: augmented.length }),
    ...(unlabelled === undefined ? {} : { unlabelled: unlabelled.report }),
    ...counter.summary(),
  };

  await write(outputDirectory, async () => {
    await mkdir(outputDirectory, { recursive: true });
    for (const split of SPLITS) {
      await writeFile(join(outputDirectory, DATA_FILES[split]), chunksOf(rows[split], signal));
      progress?.({ step: "write", done: rows[split].length });
    }
    if (unlabelled !== undefined) {
      const sources = unlabelled.sources.map((source) => ({ source }));
      await writeFile(join(outputDirectory, DATA_FILES.unlabelled), chunksOf(sources, signal));
    }
    await writeFile(join(outputDirectory, DATA_FILES.statistics), `${JSON.stringify(report, null, 2)}\n`);
  });
  return report;
}

interface UnlabelledSources extends Awaited<ReturnType<typeof collectUnlabelled>> {
  readonly rejected: readonly FileRejection[];
}

/** Unlabelled sources that are in no split; undefined where the configuration names none. */
async function unlabelledSources(
  { unlabelled, maxSource }: DataConfig,
  groups: Readonly<Record<Split, readonly Group[]>>,
  onLine: () => void,
): Promise<UnlabelledSources | undefined> {
  if (unlabelled === undefined) return undefined;
  const owners = new Map<string, Split>();
  // Held-out splits last: where two splits have forms of one source, the one that must not leak decides.
  for (const split of SPLITS)
    for (const { source } of groups[split]) owners.set(unlabelledKey(source), split);
  const rejected: FileRejection[] = [];
  const collected = await collectUnlabelled(unlabelled, {
    maxSource,
    splitOf: (key) => owners.get(key),
    onLine,
    onRejected: (rejection) => {
      if (rejected.length < MAX_REJECTIONS) rejected.push(rejection);
    },
  });
  return { ...collected, rejected };
}

/** Copies of training rows with exchanged values; none has a source that any split has. */
function augmentRows(
  train: readonly Row[],
  groups: Readonly<Record<Split, readonly Group[]>>,
  settings: AugmentConfig,
  seed: number,
): readonly Row[] {
  const swapper = new SlotSwapper(settings, seed);
  for (const row of train) swapper.learn(row);
  const taken = new Set(SPLITS.flatMap((split) => groups[split].map(({ source }) => sourceKey(source))));
  return train.flatMap((row, index) => {
    const copies = [...swapper.copies(row, index, (key) => taken.has(key))];
    for (const { source } of copies) taken.add(sourceKey(source));
    return copies;
  });
}

/** Groups of the lowest hash ranks whose pairs fit the limit, in their old order; the last one may be cut. */
function limitRows(groups: readonly Group[], limit: number | undefined): readonly Group[] {
  if (limit === undefined) return groups;
  const ranked = groups
    .map((group, index) => ({ group, index, rank: hashSource(group.source).rank }))
    .sort((left, right) => left.rank - right.rank || left.index - right.index);
  const kept: { readonly group: Group; readonly index: number }[] = [];
  let left = limit;
  for (const { group, index } of ranked) {
    if (left <= 0) break;
    const targets = group.targets.slice(0, left);
    kept.push({ group: { source: group.source, targets }, index });
    left -= targets.length;
  }
  return kept.sort((a, b) => a.index - b.index).map(({ group }) => group);
}

function trainRows({ source, targets }: Group): readonly Row[] {
  return targets.map((target) => ({ source, target }));
}

function heldOutRow({ source, targets }: Group): Row {
  return { source, target: targets[0]!, references: targets };
}

function* chunksOf(rows: readonly object[], signal: AbortSignal | undefined): Generator<string> {
  for (let start = 0; start < rows.length; start += REPORT_EVERY) {
    stopIfAborted(signal);
    yield rows
      .slice(start, start + REPORT_EVERY)
      .map((row) => `${JSON.stringify(row)}\n`)
      .join("");
  }
}

async function write(directory: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("OUTPUT_FAILED", `data: cannot write ${directory}: ${reason}`, {
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

function noTrainingRows(lines: number, rejected: readonly FileRejection[], rejectedCount: number): SlmError {
  const first = rejected[0];
  const why = first === undefined ? "" : `; first rejected: ${first.file}:${first.line}: ${first.reason}`;
  return new SlmError(
    "DATA_INVALID",
    `data: expected at least one training row, got none of ${lines} lines (${rejectedCount} rejected${why})`,
    { context: { lines, rejectedCount, rejected }, suggestions: ["slm data inspect FILE"] },
  );
}
