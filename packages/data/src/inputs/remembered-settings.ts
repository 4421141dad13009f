/** Stores a recipe's file settings with the model, so that more files with the same columns are read in the same way. */
import { basename, dirname } from "node:path";
import { readManifest, SlmError } from "@slm/core";
import { fileSchema, type FileSettings } from "../config/data-config.js";
import { FORMATS, formatByEnding, formatOf, type FormatName } from "../formats/format-table.js";
import type { DataFormat } from "../formats/data-format.js";
import { DEFAULT_ENCODING, isUtf8 } from "../rows/lines.js";
import { compileMapping, type Columns } from "../rows/mapping.js";

/** Settings that describe files of a form, and nothing of one machine. */
const KEPT = ["format", "encoding", "delimiter", "columns", "fields", "unanswerable", "maxRejected"] as const;

/**
 * The stored settings of a recipe's `data` section; undefined if there are none.
 *
 * @param data the section as the data stage's manifest records it
 */
export function settingsToRemember(data: unknown): FileSettings | undefined {
  const given = Object.entries(data as object).filter(
    ([key, value]) => value !== undefined && (KEPT as readonly string[]).includes(key),
  );
  return given.length === 0 ? undefined : fileSchema.parse(Object.fromEntries(given));
}

/** The required parts of a record: the whole row, or only the source. */
export type NeededSides = "rows" | "prompts";

/**
 * Returns the settings for a file with the columns of the training file, or with the columns `{source, target}` that slm writes.
 *
 * The file extension decides the format if it is known. Delimiter and columns apply only to CSV and TSV; the encoding only to files that are
 * not UTF-8; the mapping only to files with its columns. It never applies to rows that a data stage wrote next to its manifest, because a
 * mapping that swaps source and target would fit them too.
 *
 * @throws SlmError if the file's first record cannot be read
 */
export async function settingsForFile(
  path: string,
  remembered: FileSettings,
  needed: NeededSides,
): Promise<FileSettings> {
  const { format: named, encoding: usual, delimiter, columns, ...mapping } = remembered;
  const format: FormatName | undefined = formatByEnding(path) === undefined ? named : undefined;
  const encoding = await encodingOf(path, usual);
  const found: DataFormat = await formatOf(path, format, { encoding });
  const settings: FileSettings = {
    ...mapping,
    format,
    encoding,
    delimiter: found === FORMATS.csv ? delimiter : undefined,
    columns: found === FORMATS.csv || found === FORMATS.tsv ? columns : undefined,
  };
  if (mapping.fields === undefined) return settings;
  const plain = { ...settings, fields: undefined };
  if (await isPrepared(path)) return plain;
  if (await fits(path, found, settings, needed)) return settings;
  return (await fits(path, found, plain, needed)) ? plain : settings;
}

/** Whether a data stage wrote a file. */
async function isPrepared(path: string): Promise<boolean> {
  try {
    const { kind, outputs } = await readManifest(dirname(path));
    return kind === "data" && outputs.some((output) => output.path === basename(path));
  } catch (error) {
    // Most files have no manifest next to them, or one of another program.
    if (error instanceof SlmError && (error.code === "INPUT_MISSING" || error.code === "DATA_INVALID"))
      return false;
    throw error;
  }
}

async function encodingOf(path: string, usual: FileSettings["encoding"] = DEFAULT_ENCODING) {
  if (usual === DEFAULT_ENCODING) return usual;
  return (await isUtf8(path)) ? DEFAULT_ENCODING : usual;
}

/** Whether the first record of a file has the columns of a mapping. */
async function fits(
  path: string,
  format: DataFormat,
  settings: FileSettings,
  needed: NeededSides,
): Promise<boolean> {
  const { missingIn, missingInPrompt, columns, promptColumns } = compileMapping(settings, format.mapping);
  const wanted = { needed: needed === "rows" ? columns.needed : promptColumns, optional: [], others: true };
  const encoding = settings.encoding ?? DEFAULT_ENCODING;
  const missing = (record: Columns): unknown => (needed === "rows" ? missingIn : missingInPrompt)(record);
  for await (const record of format.read(path, { ...settings, encoding, wanted }))
    if ("columns" in record) return missing(record.columns) === undefined;
  return false;
}
