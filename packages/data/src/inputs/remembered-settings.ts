/** How a recipe read its training rows, kept with the model, so that further files of the same form are read in the same way. */
import { basename, dirname } from "node:path";
import { readManifest, SlmError } from "@slm/core";
import { fileSchema, type FileSettings } from "../config/data-config.js";
import { FORMATS, formatByEnding, formatOf, type FormatName } from "../formats/format-table.js";
import type { DataFormat } from "../formats/data-format.js";
import { DEFAULT_ENCODING, isUtf8 } from "../rows/lines.js";
import { compileMapping, type Columns } from "../rows/mapping.js";

/** Settings that describe files of a form, and nothing of one machine. */
const KEPT = [
  "format",
  "encoding",
  "delimiter",
  "columns",
  "fields",
  "template",
  "unanswerable",
  "maxRejected",
] as const;

/**
 * What is kept of a recipe's `data` section; undefined where files need no setting.
 *
 * @param data the section as the data stage's manifest records it
 */
export function settingsToRemember(data: unknown): FileSettings | undefined {
  const given = Object.entries(data as object).filter(
    ([key, value]) => value !== undefined && (KEPT as readonly string[]).includes(key),
  );
  return given.length === 0 ? undefined : fileSchema.parse(Object.fromEntries(given));
}

/** What is needed of a file's records: whole rows, or the sources alone. */
export type NeededSides = "rows" | "prompts";

/**
 * The settings for a file that may have the form of the training rows, or the form `{source, target}` in which slm writes rows.
 *
 * A name's ending decides the format where it has one. A delimiter and columns are for tables of values; an encoding is for files that are
 * not UTF-8; a mapping is for files that have its columns, but not for rows that a data stage wrote, which lie beside its manifest: a mapping
 * that exchanges source and target fits them too.
 *
 * @throws SlmError as reading the file's first record does
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
  const isMapped = mapping.fields !== undefined || mapping.template !== undefined;
  if (!isMapped) return settings;
  const plain = { ...settings, fields: undefined, template: undefined };
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
    // Most files of rows lie beside no manifest, or beside one of another program's.
    if (error instanceof SlmError && (error.code === "INPUT_MISSING" || error.code === "DATA_INVALID"))
      return false;
    throw error;
  }
}

async function encodingOf(path: string, usual: FileSettings["encoding"] = DEFAULT_ENCODING) {
  if (usual === DEFAULT_ENCODING) return usual;
  return (await isUtf8(path)) ? DEFAULT_ENCODING : usual;
}

/** Whether the first record of a file has what a mapping needs. */
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
