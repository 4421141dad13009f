/** Reads the rows of a file to evaluate a model on. */
import { SlmError } from "@slm/core/errors";
import {
  imageFolderOf,
  readFileRows,
  referencesOf,
  scanPrompts,
  type FileSettings,
  type Row,
} from "@slm/data";
import type { EvaluationRow } from "@slm/inference";
import { rowImage } from "./row-images.js";

/**
 * Rows of a file of any supported format, with their references and images. A question without an answer has no reference. Image paths are
 * relative to the file's folder.
 *
 * @param limit uses the first rows only
 * @param settings how to read the file; see `rowSettingsFor`. Default: as rows of {source, target}.
 */
export async function readEvaluationRows(
  path: string,
  limit?: number,
  settings: FileSettings = {},
): Promise<readonly EvaluationRow[]> {
  const rows = await readFileRows(path, settings);
  const folder = settings.images ?? imageFolderOf(path);
  return rows.slice(0, limit).map((row) => evaluationRow(row, folder));
}

function evaluationRow(row: Row, folder: string): EvaluationRow {
  const { source, image } = row;
  const asked = { source, references: referencesOf(row) };
  return image === undefined ? asked : { ...asked, image: { name: image, source: rowImage(folder, image) } };
}

/**
 * The same rows with the values of the columns by which metrics are also reported.
 *
 * @param columns names of columns at the top level
 * @throws SlmError as {@link readEvaluationRows}; USAGE for a column that does not exist in any record
 */
export async function readSlicedRows(
  path: string,
  columns: readonly string[],
  limit?: number,
  settings: FileSettings = {},
): Promise<readonly EvaluationRow[]> {
  if (columns.length === 0) return readEvaluationRows(path, limit, settings);
  // Rows in slm's own format cannot have further keys, unless the settings name the source column.
  const mapped = settings.fields !== undefined ? settings : { ...settings, fields: { source: "source" } };
  // Rows and records are matched by their order, so no record may be left out.
  const rows = await readEvaluationRows(path, limit, { ...mapped, maxRejected: undefined });
  const records: Readonly<Record<string, unknown>>[] = [];
  for await (const prompt of scanPrompts(path, mapped)) {
    if ("columns" in prompt) records.push(prompt.columns);
    if (records.length === rows.length) break;
  }
  const unknown = columns.find((column) => records.every((record) => record[column] === undefined));
  if (unknown !== undefined) {
    const there = [...new Set(records.flatMap((record) => Object.keys(record)))];
    throw new SlmError(
      "USAGE",
      `--slice ${unknown}: ${path} has no column '${unknown}'; its columns are ${there.join(", ")}`,
      {
        context: { column: unknown, columns: there },
        suggestions: there.map((column) => `--slice ${column}`).slice(0, 3),
      },
    );
  }
  return rows.map((row, index) => ({
    ...row,
    slices: Object.fromEntries(columns.map((column) => [column, valueText(records[index]?.[column])])),
  }));
}

/** A value as the name of a slice. */
function valueText(value: unknown): string {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value.trim() : JSON.stringify(value);
}
