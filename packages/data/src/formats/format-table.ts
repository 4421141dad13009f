/** Every file format: to add one, write its reader and add its row, or define it in an extension. */
import { extname } from "node:path";
import { ExtensionTable, rowName, SlmError } from "@slm/core";
import type { z } from "zod";
import { csvFormat, tsvFormat } from "./csv.js";
import type { DataFormat, ReadSettings } from "./data-format.js";
import { formatOfDocument, jsonFormat } from "./json.js";
import { jsonlFormat } from "./jsonl.js";
import { parquetFormat } from "./parquet.js";
import { snipsFormat } from "./snips.js";
import { squadFormat } from "./squad.js";

export const FORMATS = {
  jsonl: jsonlFormat,
  csv: csvFormat,
  tsv: tsvFormat,
  parquet: parquetFormat,
  json: jsonFormat,
  squad: squadFormat,
  snips: snipsFormat,
} as const satisfies Readonly<Record<string, DataFormat>>;

/** Every format: ours, and those that extensions add. */
export const DATA_FORMATS = new ExtensionTable<DataFormat>("dataFormats", FORMATS);

/** The name of a row of {@link DATA_FORMATS}, which a recipe's check finds. Names of extensions have this type too. */
export type FormatName = keyof typeof FORMATS;

/** The name of a format as a setting of a recipe. */
export const formatName = rowName(DATA_FORMATS) as z.ZodType<FormatName, FormatName>;

const isFormatName = (name: string): name is FormatName => DATA_FORMATS.has(name);

/** Of this ending are several formats, told apart by what is in the file. */
const DOCUMENT_EXTENSION = ".json";

/** Files of spreadsheet programs, which write CSV as well. */
const SPREADSHEETS: ReadonlySet<string> = new Set([".xlsx", ".xls", ".ods", ".numbers"]);

/** The format, or for JSON the family of formats, that a file's ending means; undefined if it means none. */
export function formatByEnding(path: string): FormatName | typeof DOCUMENT_EXTENSION | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === DOCUMENT_EXTENSION) return DOCUMENT_EXTENSION;
  return DATA_FORMATS.names
    .filter(isFormatName)
    .find((name) => DATA_FORMATS.get(name)?.extensions.includes(extension));
}

/**
 * The format of a file: the one that is named, else the one of its ending, else, for JSON, of its shape.
 *
 * @throws SlmError CONFIG_INVALID if the ending means no format; as `formatOfDocument` for JSON
 */
export async function formatOf(
  path: string,
  named: FormatName | undefined,
  settings: ReadSettings,
): Promise<DataFormat> {
  const byEnding = named ?? formatByEnding(path);
  const name = byEnding === DOCUMENT_EXTENSION ? await formatOfDocument(path, settings) : byEnding;
  const found = name === undefined ? undefined : DATA_FORMATS.get(name);
  if (found !== undefined) return found;
  throw new SlmError("CONFIG_INVALID", `data: ${path}: no format ends in '${extname(path)}'`, {
    context: { path, formats: DATA_FORMATS.names },
    suggestions: SPREADSHEETS.has(extname(path).toLowerCase())
      ? ["save the sheet as CSV"]
      : [`--set data.format=jsonl, or another of ${DATA_FORMATS.names.join(", ")}`],
  });
}
