/** Rows of a cache: sources with targets that the teacher generated. */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { readFailure, readTextFile, SlmError, streamRegular } from "@slm/core";
import { z } from "zod";

/**
 * labelled: unlabelled sources with the teacher's target; generated: training sources again, with the teacher's target.
 */
export const CACHE_ROWS = {
  labelled: "teacher-labelled.jsonl",
  generated: "teacher-generated.jsonl",
} as const;
export type CacheRowKind = keyof typeof CACHE_ROWS;

/** Rows that the teacher could not score: they are not in the cache, and no student learns from them. */
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
  /** Mean log-probability of the target under the labeller, end included [nats per token]; absent where it gives none. */
  readonly score?: number | undefined;
  /** Who labelled the row. */
  readonly labeller?: string | undefined;
}

/** A row that the teacher could not score. */
export interface UnscoredRow {
  readonly source: string;
  readonly target: string;
  /** What its worker said or died of. */
  readonly reason: string;
}

const unscoredSchema = z.strictObject({ source: z.string(), target: z.string(), reason: z.string() });

/** The rows of a cache that the teacher could not score; usually none. @throws SlmError DATA_INVALID */
async function readUnscoredRows(directory: string): Promise<readonly UnscoredRow[]> {
  const path = join(directory, UNSCORED_ROWS);
  let text: string;
  try {
    text = await readTextFile(path);
  } catch (error) {
    if (error instanceof SlmError && error.code === "INPUT_MISSING") return [];
    throw error;
  }
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line, index) => parseLine(line, unscoredSchema, `${path}:${index + 1}`));
}

/** Whether a row can be learned from: all but those that the teacher could not score. @throws SlmError DATA_INVALID */
export async function scoredRowFilter(
  directory: string,
): Promise<(row: { readonly source: string; readonly target: string }) => boolean> {
  const keyOf = (row: { readonly source: string; readonly target: string }): string =>
    JSON.stringify([row.source, row.target]);
  const unscored = new Set((await readUnscoredRows(directory)).map(keyOf));
  return (row) => unscored.size === 0 || !unscored.has(keyOf(row));
}

/**
 * The rows of one kind in a cache that can be learned from; none where the cache was made without them.
 *
 * @throws SlmError DATA_INVALID naming the first line that is not such a row.
 */
export async function* readCacheRows(directory: string, kind: CacheRowKind): AsyncGenerator<TeacherRow> {
  const isScored = await scoredRowFilter(directory);
  for await (const row of readGivenRows(directory, kind)) if (isScored(row)) yield row;
}

/** As {@link readCacheRows}, with those that the teacher could not score. @throws SlmError DATA_INVALID */
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
    // Whoever leaves early leaves the stream open: only its end closes the file by itself.
    input.destroy();
  }
}

/** The kinds of rows that a cache has at least one of. @throws SlmError DATA_INVALID for a first line that is not such a row. */
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

/** One line of such a file. @throws SlmError DATA_INVALID naming `where` */
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
