/** Reads the log of a training run, `metrics.jsonl`, as curves: one JSON object per line, each with its step. */
import { readTextFile, SlmError } from "@slm/core";
import { z } from "zod";
import type { Point } from "../thin.js";
import { readJsonLines } from "./json-lines.js";

/** A line of the log. */
interface RunRecord {
  readonly step: number;
  /** Seconds since 1970; undefined if the log has no times. */
  readonly wallTime: number | undefined;
  /** Finite numbers by their key. */
  readonly values: ReadonlyMap<string, number>;
  /** A sentence about the training at this step, such as why it stops early. */
  readonly note?: string | undefined;
}

export interface RunLog {
  readonly records: readonly RunRecord[];
  /** Number of lines that are not records. An incomplete last line does not count. */
  readonly unreadable: number;
}

const RUN_LOG_LIMIT_BYTES = 256 * 1024 * 1024;

const line = z.looseObject({ step: z.int().nonnegative(), note: z.string().optional().catch(undefined) });

/**
 * Reads a log. Values that are not finite (NaN is written as null) become gaps in their curve.
 *
 * @throws SlmError INPUT_MISSING; DATA_INVALID if it exceeds 256 MiB, or has lines but no record.
 */
export async function readRunLog(path: string): Promise<RunLog> {
  const log = parseRunLog(await readTextFile(path, { limitBytes: RUN_LOG_LIMIT_BYTES }));
  if (log.records.length > 0 || log.unreadable === 0) return log;
  throw new SlmError(
    "DATA_INVALID",
    `${path}: expected lines of JSON, each with a whole step >= 0, got ${log.unreadable} lines without one`,
    { context: { path, lines: log.unreadable } },
  );
}

/** The records of a log's text. */
export function parseRunLog(text: string): RunLog {
  const { rows, unreadable } = readJsonLines(text, line);
  return { records: rows.map(recordOf), unreadable };
}

/** Every key that occurs, in order of first appearance. */
export function keysOf(log: RunLog): readonly string[] {
  return [...new Set(log.records.flatMap(({ values }) => [...values.keys()]))];
}

/** The values of one key in order of steps; of a repeated step the last line counts. */
export function curveOf(log: RunLog, key: string): readonly Point[] {
  const values = new Map<number, number>();
  for (const record of log.records) {
    const value = record.values.get(key);
    if (value !== undefined) values.set(record.step, value);
  }
  return [...values].sort((a, b) => a[0] - b[0]);
}

/** The last step; 0 for an empty log. */
export function lastStep(log: RunLog): number {
  return log.records.reduce((last, { step }) => Math.max(last, step), 0);
}

function recordOf({ step, wallTime, note, ...rest }: z.infer<typeof line>): RunRecord {
  const values = Object.entries(rest).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number" && Number.isFinite(entry[1]),
  );
  const isTime = typeof wallTime === "number" && Number.isFinite(wallTime);
  return { step, wallTime: isTime ? wallTime : undefined, values: new Map(values), note };
}
