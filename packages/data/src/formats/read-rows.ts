/** Reads rows from JSONL: one JSON object a line, empty lines skipped, everything else checked. */
import { shellWord, SlmError } from "@slm/core";
import { fieldsHint, HINTS } from "../rows/hints.js";
import type { Picture } from "../images/picture.js";
import { readLines, type Encoding, type Line } from "../rows/lines.js";
import { checkRow, checkSource, type Rejection, type Row } from "../rows/row.js";

/** A line as a row, or why it is none. */
export type ScannedLine =
  | {
      readonly line: number;
      readonly row: Row;
      /** Which picture it is, where a dataset module draws it. */
      readonly picture?: Picture;
    }
  | Rejection;

/**
 * Every line of a JSONL file as a row or as a rejection with its reason. Empty lines are skipped, but counted.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read.
 */
export async function* scanRows(path: string, encoding?: Encoding): AsyncGenerator<ScannedLine> {
  for await (const line of readLines(path, { encoding })) {
    const scanned = scanLine(line);
    if (scanned !== undefined) yield scanned;
  }
}

/**
 * The rows of a JSONL file, which must hold nothing else.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read; DATA_INVALID naming the first line that is not a row.
 */
export async function* readRows(path: string): AsyncGenerator<Row> {
  for await (const scanned of scanRows(path)) {
    if ("row" in scanned) yield scanned.row;
    else {
      throw notARow(path, scanned);
    }
  }
}

/** The error for the first line of a file that is no row, where all must be. */
export function notARow(path: string, { line, reason, hint }: Rejection): SlmError {
  return new SlmError("DATA_INVALID", `data: ${path}:${line}: ${reason}`, {
    context: { path, line, reason },
    suggestions: [
      ...(hint === undefined ? ["--set data.maxRejected=0.01 leaves out up to 1 % of the records"] : [hint]),
      `slm data inspect ${shellWord(path)}`,
    ],
  });
}

/**
 * All rows of a JSONL file.
 *
 * @throws SlmError as {@link readRows}, and DATA_INVALID if the file holds no row.
 */
export async function readAllRows(path: string): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for await (const row of readRows(path)) rows.push(row);
  if (rows.length === 0) throw noRows(path);
  return rows;
}

/** The error for a file without a row. */
export function noRows(path: string): SlmError {
  return new SlmError("DATA_INVALID", `data: ${path}: expected at least one row, got none`, {
    context: { path },
    suggestions: [`slm data inspect ${shellWord(path)}`],
  });
}

/**
 * The sources of a JSONL file of `{"source"}`, which must hold nothing else.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read; DATA_INVALID naming the first line that is not a source.
 */
export async function* readSources(path: string): AsyncGenerator<string> {
  for await (const line of readLines(path)) {
    const parsed = "reason" in line ? line : parseLine(line);
    if (parsed === undefined) continue;
    const checked = "reason" in parsed ? { problem: parsed.reason } : checkSource(parsed.value);
    if ("problem" in checked) {
      throw new SlmError("DATA_INVALID", `data: ${path}:${line.line}: ${checked.problem}`, {
        context: { path, line: line.line },
      });
    }
    yield checked.source;
  }
}

function scanLine(line: Line): ScannedLine | undefined {
  const parsed = "reason" in line ? line : parseLine(line);
  if (parsed === undefined || "reason" in parsed) return parsed;
  const { value } = parsed;
  const row = checkRow(value);
  if (typeof row !== "string") return { line: line.line, row };
  const keys = keysOfOtherNames(value);
  if (keys === undefined) return { line: line.line, reason: row };
  return { line: line.line, reason: `${row}; its keys are ${keys.join(", ")}`, hint: fieldsHint(keys) };
}

/** Most keys that a reason names, and the length of each [UTF-16 units]. */
const NAMED_KEYS = { most: 20, units: 80 };

/** The keys of an object that calls its source or target something else; undefined for anything else. */
function keysOfOtherNames(value: unknown): readonly string[] | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const keys = Object.keys(value);
  if (keys.length < 2 || (keys.includes("source") && keys.includes("target"))) return undefined;
  return keys.slice(0, NAMED_KEYS.most).map((key) => key.slice(0, NAMED_KEYS.units));
}

/** The JSON of a line, or why it is none; undefined for an empty line. */
export function parseLine({
  line,
  text,
}: Extract<Line, { readonly text: string }>): { readonly value: unknown } | Rejection | undefined {
  if (text.trim() === "") return undefined;
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const reason = `not JSON: ${error instanceof Error ? error.message : String(error)}`;
    // A line of a bracket alone begins a document.
    return /^\s*[[{]\s*$/u.test(text) ? { line, reason, hint: HINTS.document } : { line, reason };
  }
}
