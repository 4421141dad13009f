/** Reads the rows of a cache: sources with targets that the teacher generated. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { ifThere, readFailure, readTextFile, SlmError, streamRegular } from "@slm/core";
import { z } from "zod";

/**
 * labelled: unlabelled sources with the teacher's target. generated: training sources with the teacher's target.
 */
export const CACHE_ROWS = {
  labelled: "teacher-labelled.jsonl",
  generated: "teacher-generated.jsonl",
} as const;
export type CacheRowKind = keyof typeof CACHE_ROWS;

/** Rows that the teacher could not score. They are not in the cache, and students do not learn from them. */
export const UNSCORED_ROWS = "teacher-unscored.jsonl";

const rowSchema = z.strictObject({
  source: z.string().min(1),
  target: z.string().min(1),
  score: z.number().optional(),
  labeller: z.string().optional(),
});

export interface TeacherRow {
  readonly source: string;
  readonly target: string;
  /** Mean log-probability of the target and its end under the labeller [nats per token]; undefined if the labeller does not return it. */
  readonly score?: number | undefined;
  /** The labeller of the row. */
  readonly labeller?: string | undefined;
}

/** A row that the teacher could not score. */
export interface UnscoredRow {
  readonly source: string;
  readonly target: string;
  /** The worker's error. */
  readonly reason: string;
}

const unscoredSchema = z.strictObject({ source: z.string(), target: z.string(), reason: z.string() });

/** The rows of a cache that the teacher could not score; usually none. @throws SlmError DATA_INVALID */
async function readUnscoredRows(directory: string): Promise<readonly UnscoredRow[]> {
  const path = join(directory, UNSCORED_ROWS);
  const text = (await ifThere(readTextFile(path))) ?? "";
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => parseLine(line, unscoredSchema, `${path}:${index + 1}`));
}

/** Whether a student can learn from a row: false if the teacher could not score it. @throws SlmError DATA_INVALID */
export async function scoredRowFilter(
  directory: string,
): Promise<(row: { readonly source: string; readonly target: string }) => boolean> {
  const keyOf = (row: { readonly source: string; readonly target: string }): string =>
    JSON.stringify([row.source, row.target]);
  const unscored = new Set((await readUnscoredRows(directory)).map(keyOf));
  return (row) => unscored.size === 0 || !unscored.has(keyOf(row));
}

/**
 * The usable rows of one kind in a cache; empty if the cache was built without this kind.
 *
 * @throws SlmError DATA_INVALID naming the first invalid line.
 */
export async function* readCacheRows(directory: string, kind: CacheRowKind): AsyncGenerator<TeacherRow> {
  const isScored = await scoredRowFilter(directory);
  for await (const row of readGivenRows(directory, kind)) if (isScored(row)) yield row;
}

/** Like {@link readCacheRows}, including rows that the teacher could not score. @throws SlmError DATA_INVALID */
export async function* readGivenRows(directory: string, kind: CacheRowKind): AsyncGenerator<TeacherRow> {
  const path = join(directory, CACHE_ROWS[kind]);
  const input = Readable.from(streamRegular(path));
  let line = 0;
  try {
    for await (const text of createInterface({ input, crlfDelay: Infinity })) {
      line += 1;
      if (text !== "") yield parseTeacherRow(text, `${path}:${line}`);
    }
  } catch (error) {
    const failure = readFailure(error, path);
    if (failure instanceof SlmError && failure.code === "INPUT_MISSING") return;
    throw failure;
  } finally {
    // A caller may stop early; only the stream's end closes the file automatically.
    input.destroy();
  }
}

/** The kinds of rows in a cache. @throws SlmError DATA_INVALID if the first line of a file is invalid. */
export async function cacheRowKinds(directory: string): Promise<ReadonlySet<CacheRowKind>> {
  const found = new Set<CacheRowKind>();
  for (const kind of Object.keys(CACHE_ROWS) as CacheRowKind[]) {
    const rows = readCacheRows(directory, kind);
    const first = await rows.next();
    await rows.return(undefined);
    if (first.done !== true) found.add(kind);
  }
  return found;
}

/** Parses a line. @throws SlmError DATA_INVALID naming `where` */
function parseTeacherRow(text: string, where: string): TeacherRow {
  return parseLine(text, rowSchema, where);
}

function parseLine<Schema extends z.ZodType>(text: string, schema: Schema, where: string): z.infer<Schema> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SlmError("DATA_INVALID", `${where}: not JSON`, { cause });
  }
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new SlmError("DATA_INVALID", `${where}: ${z.prettifyError(parsed.error)}`);
}
