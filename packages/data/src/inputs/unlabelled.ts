/** Reads and checks unlabelled sources for the teacher to label. Skips sources that are in a split. */
import { UnusableRecords, type FileRejection } from "../rows/rejections.js";
import type { UnlabelledConfig } from "../config/data-config.js";
import type { LoadedDataset } from "./load-dataset.js";
import { scanUnlabelled } from "./scan-dataset.js";
import { HashTable } from "../storage/hash-table.js";
import { basename } from "node:path";
import { readLines, type Line } from "../rows/lines.js";
import { parseLine } from "../formats/read-rows.js";
import { checkSource, type Rejection } from "../rows/row.js";
import { sourceKey, type Split } from "../sampling/split.js";
import { MODULE_UNLABELLED } from "../config/source-config.js";
import { sourceUnits } from "../statistics/statistics.js";

/** Counts of unlabelled sources. */
export interface UnlabelledReport {
  /** Sources written. */
  readonly rows: number;
  /** Repeated sources. */
  readonly duplicates: number;
  /** Sources skipped because they are in a split. */
  readonly known: Readonly<Record<Split, number>>;
  readonly rejectedCount: number;
}

export interface UnlabelledOptions {
  /** The recipe's dataset module, if any. */
  readonly dataset: LoadedDataset | undefined;
  /** Longest source kept [characters]. */
  readonly maxSource: number | undefined;
  /** Largest accepted share of unusable lines in a file. */
  readonly maxRejected: number;
  /** Returns the split of a source or of a variant of it. */
  readonly splitOf: (source: string) => Split | undefined;
  readonly onLine: () => void;
  readonly onRejected: (rejection: FileRejection) => void;
}

/** A source, or why its line was rejected. */
type ScannedSource = { readonly line: number; readonly source: string } | Rejection;

/**
 * Yields each source that is not in a split once, in input order, and counts the others.
 *
 * @throws SlmError DATA_INVALID if more lines of a file are unusable than `maxRejected` allows; also as the readers
 */
export async function collectUnlabelled(
  settings: UnlabelledConfig,
  { dataset, maxSource, maxRejected, splitOf, onLine, onRejected }: UnlabelledOptions,
): Promise<{ readonly sources: readonly string[]; readonly report: UnlabelledReport }> {
  const seen = new HashTable();
  const sources: string[] = [];
  const known: Record<Split, number> = { train: 0, dev: 0, test: 0 };
  let duplicates = 0;
  let rejectedCount = 0;
  const unusable = new UnusableRecords();
  const file = settings.kind === "file" ? settings.path : `${basename(dataset?.path ?? "")}: unlabelled`;
  for await (const scanned of scanSources(settings, dataset)) {
    onLine();
    if (scanned === undefined) continue;
    unusable.add("reason" in scanned ? { file, ...scanned } : undefined);
    const reason = "reason" in scanned ? scanned.reason : tooLong(scanned.source, maxSource);
    if ("reason" in scanned || reason !== undefined) {
      onRejected({ file, line: scanned.line, reason: reason ?? "" });
      rejectedCount++;
      continue;
    }
    const owner = splitOf(scanned.source);
    const isSeen = seen.seen(sourceKey(scanned.source));
    if (owner !== undefined) known[owner]++;
    else if (isSeen) duplicates++;
    else sources.push(scanned.source);
  }
  if (settings.kind === "file") unusable.check(maxRejected);
  return { sources, report: { rows: sources.length, duplicates, known, rejectedCount } };
}

/** Yields every line of a file, or every source of a module; undefined for a skipped line. */
async function* scanSources(
  settings: UnlabelledConfig,
  dataset: LoadedDataset | undefined,
): AsyncGenerator<ScannedSource | undefined> {
  if (settings.kind === MODULE_UNLABELLED) {
    if (dataset === undefined)
      throw new Error("unlabelled sources of a module were requested, but the recipe has no dataset module");
    for await (const { line, source } of scanUnlabelled(dataset)) yield checked(line, { source });
    return;
  }
  const { path } = settings;
  const scan = SCANNERS[path.endsWith(".jsonl") ? "jsonl" : "text"];
  for await (const line of readLines(path)) yield "reason" in line ? line : scan(line);
}

type TextLine = Extract<Line, { readonly text: string }>;

/** Parses a line of each format; undefined for a skipped line. */
const SCANNERS: Readonly<Record<"jsonl" | "text", (line: TextLine) => ScannedSource | undefined>> = {
  text: ({ line, text }) => {
    const source = text.trim();
    return source === "" ? undefined : checked(line, { source });
  },
  jsonl: (line) => {
    const parsed = parseLine(line);
    return parsed === undefined || "reason" in parsed ? parsed : checked(line.line, parsed.value);
  },
};

function checked(line: number, value: unknown): ScannedSource {
  const result = checkSource(value);
  return "problem" in result ? { line, reason: result.problem } : { line, source: result.source };
}

function tooLong(source: string, maxSource: number | undefined): string | undefined {
  const length = sourceUnits(source).length;
  if (maxSource === undefined || length <= maxSource) return undefined;
  return `the source has ${length} characters, expected at most ${maxSource}`;
}
