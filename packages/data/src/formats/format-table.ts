/** Every file format: to add one, write its reader and add its row. */
import { extname } from "node:path";
import { SlmError } from "@slm/core";
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

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as [FormatName, ...FormatName[]];

/** Of this ending are several formats, told apart by what is in the file. */
const DOCUMENT_EXTENSION = ".json";

/** Files of spreadsheet programs, which write CSV as well. */
const SPREADSHEETS: ReadonlySet<string> = new Set([".xlsx", ".xls", ".ods", ".numbers"]);

const extensionsOf = ({ extensions }: DataFormat): readonly string[] => extensions;

/** The format, or for JSON the family of formats, that a file's ending means; undefined if it means none. */
export function formatByEnding(path: string): FormatName | typeof DOCUMENT_EXTENSION | undefined {
  const extension = extname(path).toLowerCase();
  if (extension === DOCUMENT_EXTENSION) return DOCUMENT_EXTENSION;
  return FORMAT_NAMES.find((name) => extensionsOf(FORMATS[name]).includes(extension));
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
  if (named !== undefined) return FORMATS[named];
  const found = formatByEnding(path);
  if (found === DOCUMENT_EXTENSION) return FORMATS[await formatOfDocument(path, settings)];
  if (found !== undefined) return FORMATS[found];
  throw new SlmError("CONFIG_INVALID", `data: ${path}: no format ends in '${extname(path)}'`, {
    context: { path, formats: FORMAT_NAMES },
    suggestions: SPREADSHEETS.has(extname(path).toLowerCase())
      ? ["save the sheet as CSV"]
      : [`--set data.format=jsonl, or another of ${FORMAT_NAMES.join(", ")}`],
  });
}
