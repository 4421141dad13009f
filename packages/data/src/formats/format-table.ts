/** The table of file formats. To add a format, write its reader and add its row, or define it in an extension. */
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

/** Built-in formats, and the formats that extensions register. */
export const DATA_FORMATS = new ExtensionTable<DataFormat>("dataFormats", FORMATS);

/** A name in {@link DATA_FORMATS}. The recipe's check verifies it, because extensions add names. */
export type FormatName = keyof typeof FORMATS;

/** A recipe setting with a format's name. */
export const formatName = rowName(DATA_FORMATS) as z.ZodType<FormatName, FormatName>;

const isFormatName = (name: string): name is FormatName => DATA_FORMATS.has(name);

/** This extension has several formats; the file's content decides. */
const DOCUMENT_EXTENSION = ".json";

/** Spreadsheet files, for an error that suggests CSV. */
const SPREADSHEETS: ReadonlySet<string> = new Set([".xlsx", ".xls", ".ods", ".numbers"]);

/** The format of a file extension, or the family of formats for JSON; undefined if unknown. */
export function formatByEnding(path: string): FormatName | typeof DOCUMENT_EXTENSION | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === DOCUMENT_EXTENSION) return DOCUMENT_EXTENSION;
  return DATA_FORMATS.names
    .filter(isFormatName)
    .find((name) => DATA_FORMATS.get(name)?.extensions.includes(extension));
}

/**
 * The format of a file: the named one, otherwise by extension, and for JSON by the document's shape.
 *
 * @throws SlmError CONFIG_INVALID if the extension is unknown; for JSON as `formatOfDocument`
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
  throw new SlmError("CONFIG_INVALID", `data: ${path}: unknown file extension '${extname(path)}'`, {
    context: { path, formats: DATA_FORMATS.names },
    suggestions: SPREADSHEETS.has(extname(path).toLowerCase())
      ? ["save the sheet as CSV"]
      : [`--set data.format=jsonl, or one of ${DATA_FORMATS.names.join(", ")}`],
  });
}
