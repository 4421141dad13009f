/** Reads files of any format for commands that run a model: rows for evaluation, and prompts. */
import { requireIntact } from "@slm/core";
import type { FileSettings } from "../config/data-config.js";
import type { DataFormat, ScannedRecord } from "../formats/data-format.js";
import { FORMATS, formatOf, type FormatName } from "../formats/format-table.js";
import { toRecord } from "../formats/jsonl.js";
import { fieldsHint } from "../rows/hints.js";
import { DEFAULT_ENCODING, readLines } from "../rows/lines.js";
import { compileMapping, type Columns, type MappedPrompt, type RowMapping } from "../rows/mapping.js";
import { noRows, notARow, parseLine } from "../formats/read-rows.js";
import { UnusableRecords } from "../rows/rejections.js";
import type { Rejection, Row } from "../rows/row.js";
import { checkColumns, scanFile } from "../formats/scan-file.js";

/**
 * All rows of a file of any format. Records that are not rows are left out up to the share `maxRejected`; without it there may be none.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read; DATA_INVALID naming the first unusable record, or if there are no rows, or
 * for a corrupt file of an artifact;
 * CONFIG_INVALID if its format is unknown or a table lacks a configured column
 */
export async function readFileRows(path: string, settings: FileSettings = {}): Promise<readonly Row[]> {
  await requireIntact(path);
  const { maxRejected } = settings;
  const rows: Row[] = [];
  const unusable = new UnusableRecords();
  for await (const scanned of scanFile(path, settings)) {
    const isRow = "row" in scanned;
    if (!isRow && maxRejected === undefined) throw notARow(path, scanned);
    unusable.add(isRow ? undefined : { file: path, ...scanned });
    if (isRow) rows.push(scanned.row);
  }
  if (maxRejected !== undefined) unusable.check(maxRejected);
  if (rows.length === 0) throw noRows(path);
  return rows;
}

/** Formats of prompt files: the row formats, and `text` with one prompt per line. */
type PromptFormat = FormatName | "text";

export interface PromptSettings extends Omit<FileSettings, "format"> {
  /** Default: by file extension; `.txt` is text. */
  readonly format?: PromptFormat | undefined;
}

/** A record of a prompt file. */
export type ScannedPrompt =
  | (MappedPrompt & {
      /** Its line, or its position in a file without lines; counted from 1. */
      readonly line: number;
      /** All columns of the record; for a text file, the line as `source`. */
      readonly columns: Columns;
    })
  /** An empty line of a text or JSONL file. */
  | { readonly line: number; readonly isBlank: true }
  | Rejection;

/**
 * Returns every record of a file as a prompt, with the record's other columns. A record needs only a source; its target is ignored.
 * Empty lines of text and JSONL files and rejected records are returned in order too.
 *
 * @throws SlmError as {@link readFileRows}, except that unusable records do not throw.
 */
export async function* scanPrompts(
  path: string,
  { format, ...settings }: PromptSettings = {},
): AsyncGenerator<ScannedPrompt> {
  await requireIntact(path);
  const encoding = settings.encoding ?? DEFAULT_ENCODING;
  if (format === "text" || (format === undefined && path.toLowerCase().endsWith(".txt"))) {
    for await (const line of readLines(path, { encoding })) {
      if ("reason" in line) yield line;
      else if (line.text.trim() === "") yield { line: line.line, isBlank: true };
      else yield { line: line.line, source: line.text, columns: { source: line.text } };
    }
    return;
  }
  const read = { ...settings, encoding };
  const found: DataFormat = await formatOf(path, format, read);
  const mapping = compileMapping(settings, found.mapping);
  if (found === FORMATS.jsonl) {
    for await (const line of readLines(path, { encoding })) {
      const parsed = "reason" in line ? line : parseLine(line);
      if (parsed === undefined) yield { line: line.line, isBlank: true };
      else yield toPrompt("reason" in parsed ? parsed : toRecord(line.line, parsed.value), mapping);
    }
    return;
  }
  const wanted = { needed: mapping.promptColumns, optional: [], others: true };
  const records = found.read(path, { ...read, wanted });
  const checked = found.isTable ? checkColumns(path, records, mapping.missingInPrompt) : records;
  for await (const record of checked) yield toPrompt(record, mapping);
}

function toPrompt(record: ScannedRecord, { promptOf, missingInPrompt }: RowMapping): ScannedPrompt {
  if ("reason" in record) return record;
  const { line, columns } = record;
  const prompt = promptOf(columns);
  if (typeof prompt !== "string") return { line, ...prompt, columns };
  if (missingInPrompt(columns) === undefined) return { line, reason: prompt };
  return { line, reason: prompt, hint: fieldsHint(Object.keys(columns)) };
}
