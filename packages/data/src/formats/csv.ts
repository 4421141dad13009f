/** Comma- and tab-separated values, with a header line or with column names from the recipe. */
import { SlmError } from "@slm/core";
import { parse } from "csv-parse/sync";
import { readLines } from "../rows/lines.js";
import { MAX_COLUMNS } from "../rows/limits.js";
import { ROW_COLUMNS } from "../rows/mapping.js";
import type { Rejection } from "../rows/row.js";
import { CsvRecords, type CsvRecord } from "./csv-records.js";
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

/** Records per parser call. A call costs as much as parsing ten records. */
const BATCH_RECORDS = 512;
/** Approximate limit of text per parser call, for long records [UTF-16 units]. */
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
  let dialect: Dialect | undefined;
  for await (const batch of batches(path, usual, settings)) {
    dialect ??= { ...usual, delimiter: settings.delimiter ?? delimiterOf(batch, usual, settings) };
    for (const record of parseBatch(batch, dialect)) {
      if (record.fields === undefined) {
        if (names === undefined) throw badHeader(path, `line ${record.line}: ${record.reason}`, record.hint);
        yield record;
      } else if (names === undefined) names = checkHeader(path, record.fields);
      else yield toRecord(record.line, record.fields, names);
    }
  }
}

/**
 * Detects the delimiter: the first one that splits the first record into the used columns, or into as many fields as names
 * were given. Otherwise the one with the most fields, so that the error lists plausible columns.
 */
function delimiterOf(
  batch: readonly (CsvRecord | Rejection)[],
  dialect: Dialect,
  { columns, wanted }: ReadSettings,
): Delimiter {
  const first = batch.find((record) => "text" in record);
  if (first === undefined) return dialect.delimiter;
  const tried = DELIMITERS.map((delimiter) => {
    const fields = tryParse(first.text, { ...dialect, delimiter }).fields?.[0] ?? [];
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

async function* batches(
  path: string,
  dialect: Dialect,
  { encoding }: ReadSettings,
): AsyncGenerator<readonly (CsvRecord | Rejection)[]> {
  const records = new CsvRecords(dialect.quote !== null);
  let batch: (CsvRecord | Rejection)[] = [];
  let units = 0;
  for await (const line of readLines(path, { encoding })) {
    batch.push(...records.add(line));
    units += "text" in line ? line.text.length : 0;
    if (batch.length < BATCH_RECORDS && units < BATCH_UNITS) continue;
    yield batch;
    batch = [];
    units = 0;
  }
  batch.push(...records.end());
  yield batch;
}

type Parsed =
  | { readonly line: number; readonly fields: readonly string[]; readonly reason?: undefined }
  | (Rejection & { readonly fields?: undefined });

/** Parses all records at once. If that fails, parses them one by one to find the malformed ones. */
function parseBatch(batch: readonly (CsvRecord | Rejection)[], dialect: Dialect): readonly Parsed[] {
  const records = batch.filter((record) => "text" in record);
  const together = tryParse(records.map(({ text }) => text).join("\n"), dialect);
  if (together.fields?.length === records.length) {
    let next = 0;
    const { fields } = together;
    return batch.map((record) =>
      "text" in record ? { line: record.line, fields: fields[next++]! } : record,
    );
  }
  return batch.flatMap((record) => ("text" in record ? parseRecord(record, dialect) : [record]));
}

function parseRecord({ line, text, lines }: CsvRecord, dialect: Dialect): readonly Parsed[] {
  const { fields, reason } = tryParse(text, dialect);
  if (fields?.length === 1) return [{ line, fields: fields[0]! }];
  const rejected = { line, reason: reason ?? "there is text between a closing quote and the delimiter" };
  if (lines.length === 1) return [rejected];
  // A stray quote joined the lines: its line is lost, but the lines after it may be valid.
  const records = new CsvRecords(dialect.quote !== null);
  const behind = [...lines.slice(1).flatMap((one) => [...records.add(one)]), ...records.end()];
  return [rejected, ...parseBatch(behind, dialect)];
}

function tryParse(
  text: string,
  { delimiter, quote }: Dialect,
): { readonly fields?: readonly string[][]; readonly reason?: string } {
  try {
    return { fields: parse(text, { delimiter, quote, record_delimiter: "\n", relax_column_count: true }) };
  } catch (error) {
    const reason = error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
    // The parser counts lines from the start of the record.
    return { reason: reason.replace(/,? (?:at|on) line \d+/gu, "").slice(0, 200) };
  }
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
