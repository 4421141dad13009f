/** Comma- and tab-separated values, with a header line or with column names from the recipe. */
import { SlmError } from "@slm/core";
import { CsvError, parse } from "csv-parse/sync";
import { readLines, type Line } from "../rows/lines.js";
import { MAX_COLUMNS, MAX_RECORD_BYTES } from "../rows/limits.js";
import { ROW_COLUMNS } from "../rows/mapping.js";
import type { Rejection } from "../rows/row.js";
import { HINTS } from "../rows/hints.js";
import {
  DELIMITERS,
  type DataFormat,
  type Delimiter,
  type ReadSettings,
  type ScannedRecord,
} from "./data-format.js";

interface Dialect {
  readonly delimiter: Delimiter;
  /** Null if quotes are text. */
  readonly quote: string | null;
}

/**
 * RFC 4180: a field with a comma, a quote or a line break is quoted, and quotes in it are doubled. Spreadsheets of many locales write
 * semicolons instead of commas, so the delimiter is detected in the first record.
 */
const COMMA: Dialect = { delimiter: ",", quote: '"' };
/** The registered text/tab-separated-values: fields contain no tabs or line breaks, and quotes are text. */
const TAB: Dialect = { delimiter: "\t", quote: null };

export const csvFormat: DataFormat = table([".csv"], (path, settings) => readTable(path, COMMA, settings));
export const tsvFormat: DataFormat = table([".tsv", ".tab"], (path, { delimiter, ...settings }) => {
  if (delimiter === undefined || delimiter === TAB.delimiter)
    return readTable(path, TAB, { ...settings, delimiter: TAB.delimiter });
  throw new SlmError(
    "CONFIG_INVALID",
    `data: ${path}: delimiter cannot be set for TSV, got ${JSON.stringify(delimiter)}`,
    { context: { path, delimiter }, suggestions: ["--set data.format=csv"] },
  );
});

/** Text per parser call [UTF-16 units]. */
const BATCH_UNITS = 256 * 1024;

function table(extensions: readonly string[], read: DataFormat["read"]): DataFormat {
  return { extensions, isTable: true, mapping: ROW_COLUMNS, read };
}

/** @throws SlmError DATA_INVALID if the header line names a column twice, has too many columns or cannot be read */
async function* readTable(
  path: string,
  usual: Dialect,
  settings: ReadSettings,
): AsyncGenerator<ScannedRecord> {
  let names = settings.columns === undefined ? undefined : checkHeader(path, settings.columns);
  for await (const record of readRecords(path, usual, settings)) {
    if ("reason" in record) {
      if (names === undefined) throw badHeader(path, `line ${record.line}: ${record.reason}`, record.hint);
      yield record;
    } else if (names === undefined) names = checkHeader(path, record.fields);
    else yield toRecord(record.line, record.fields, names);
  }
}

type TextLine = Extract<Line, { readonly text: string }>;
type CsvRecord = { readonly line: number; readonly fields: readonly string[] } | Rejection;

async function* readRecords(path: string, usual: Dialect, settings: ReadSettings): AsyncGenerator<CsvRecord> {
  let dialect: Dialect | undefined;
  let lines: TextLine[] = [];
  let units = 0;
  const parseBatch = (isLast: boolean): readonly CsvRecord[] => {
    units = 0;
    if (lines.length === 0) return [];
    dialect ??= { ...usual, delimiter: settings.delimiter ?? delimiterOf(lines, usual, settings) };
    const { records, rest } = parseLines(lines, dialect, isLast);
    lines = rest;
    return records;
  };
  for await (const line of readLines(path, { encoding: settings.encoding })) {
    if ("reason" in line) {
      yield* parseBatch(true);
      yield line;
    } else {
      lines.push(line);
      units += line.text.length + 1;
      if (units >= BATCH_UNITS) yield* parseBatch(false);
    }
  }
  yield* parseBatch(true);
}

/**
 * Detects the delimiter: the first one that splits the first record into the used columns, or into as many fields as names
 * were given. Otherwise the one with the most fields, so that the error lists plausible columns.
 */
function delimiterOf(
  lines: readonly TextLine[],
  dialect: Dialect,
  { columns, wanted }: ReadSettings,
): Delimiter {
  const tried = DELIMITERS.map((delimiter) => {
    const [fields = []] = parseText(lines, { ...dialect, delimiter }, 1).records;
    return { delimiter, names: fields.map((name) => name.trim()) };
  });
  const isFit = (names: readonly string[]): boolean =>
    columns === undefined
      ? wanted !== undefined && wanted.needed.every((name) => names.includes(name))
      : names.length === columns.length;
  const most = Math.max(...tried.map(({ names }) => names.length));
  return (tried.find(({ names }) => isFit(names)) ?? tried.find(({ names }) => names.length === most))!
    .delimiter;
}

/**
 * Parses lines. An error rejects only the first line of its record, because a stray quote can join the lines after it.
 *
 * @returns the records, and the lines of an unfinished record unless these lines are the last ones
 */
function parseLines(
  lines: readonly TextLine[],
  dialect: Dialect,
  isLast: boolean,
): { readonly records: readonly CsvRecord[]; readonly rest: TextLine[] } {
  const records: CsvRecord[] = [];
  let at = 0;
  // Few lines are parsed after an error, then more and more, so that many errors do not parse the same lines many times.
  let count = lines.length;
  while (at < lines.length) {
    const part = lines.slice(at, at + count);
    const isWhole = at + part.length === lines.length;
    const { records: parsed, error } = parseText(part, dialect);
    for (const fields of parsed) {
      while (lines[at]!.text === "") at += 1;
      const { line, text } = lines[at]!;
      if (text.trim() !== "") records.push({ line, fields });
      at += fields.reduce((sum, field) => sum + field.split("\n").length - 1, 1);
    }
    while (lines[at]?.text.trim() === "") at += 1;
    if (error === undefined || (error.code === "CSV_QUOTE_NOT_CLOSED" && !isWhole)) count *= 2;
    else if (error.code === "CSV_QUOTE_NOT_CLOSED" && !isLast) return { records, rest: lines.slice(at) };
    else {
      // The parser counts lines from the start of the text.
      const reason = error.message.replace(/,? (?:at|on) line \d+/gu, "").slice(0, 200);
      records.push({ line: lines[at]!.line, reason });
      at += 1;
      count = 1;
    }
  }
  return { records, rest: [] };
}

/** The records of a text; if there is an error, those before it. @param to number of records; -1: all */
function parseText(
  lines: readonly TextLine[],
  { delimiter, quote }: Dialect,
  to = -1,
): { readonly records: readonly (readonly string[])[]; readonly error?: CsvError } {
  const text = lines.map((line) => line.text).join("\n");
  const options = {
    delimiter,
    quote,
    to,
    record_delimiter: "\n",
    max_record_size: MAX_RECORD_BYTES,
    relax_column_count: true,
    skip_empty_lines: true,
  };
  const records: string[][] = [];
  try {
    return { records: parse(text, options) };
  } catch {
    // With `on_record`, the parser takes twice as long, but the records before the error are not lost.
  }
  try {
    parse(text, {
      ...options,
      on_record: (fields) => {
        records.push(fields);
        return null;
      },
    });
  } catch (error) {
    if (error instanceof CsvError) return { records, error };
    throw error;
  }
  return { records };
}

function toRecord(line: number, fields: readonly string[], names: readonly string[]): ScannedRecord {
  if (fields.length !== names.length) {
    return {
      line,
      reason: `${fields.length} fields, expected ${names.length} as in the header`,
      hint: HINTS.delimiter,
    };
  }
  return { line, columns: Object.fromEntries(names.map((name, index) => [name, fields[index]])) };
}

function checkHeader(path: string, names: readonly string[]): readonly string[] {
  if (names.length > MAX_COLUMNS)
    throw badHeader(path, `${names.length} columns, expected at most ${MAX_COLUMNS}`);
  const trimmed = names.map((name) => name.trim());
  const twice = trimmed.find((name, index) => trimmed.indexOf(name) !== index);
  if (twice !== undefined) throw badHeader(path, `two columns are named '${twice.slice(0, 80)}'`);
  return trimmed;
}

function badHeader(
  path: string,
  problem: string,
  hint = `${HINTS.columns} for a file without a header line`,
): SlmError {
  return new SlmError("DATA_INVALID", `data: ${path}: header: ${problem}`, {
    context: { path },
    suggestions: [hint],
  });
}
