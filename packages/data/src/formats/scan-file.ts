/** Reads any data file as rows by applying the recipe's mapping to the format's records. */
import { SlmError } from "@slm/core";
import type { Delimiter, ReadSettings, ScannedRecord } from "./data-format.js";
import { fieldsHint, HINTS } from "../rows/hints.js";
import { FORMATS, formatOf, type FormatName } from "./format-table.js";
import { DEFAULT_ENCODING, type Encoding } from "../rows/lines.js";
import { compileMapping, listColumns, type MappingSettings, type RowMapping } from "../rows/mapping.js";
import { scanRows, type ScannedLine } from "./read-rows.js";

export interface ScanSettings extends MappingSettings, Omit<ReadSettings, "encoding" | "wanted"> {
  readonly encoding?: Encoding | undefined;
  readonly format?: FormatName | undefined;
}

/**
 * Returns every record of a file as a row or as a rejection with its reason.
 *
 * @throws SlmError INPUT_MISSING if the file cannot be read; DATA_INVALID if it does not have its format; CONFIG_INVALID if the
 * format is unknown, or if a table lacks a column of the mapping.
 */
export async function* scanFile(file: string, settings: ScanSettings): AsyncGenerator<ScannedLine> {
  const read = { ...settings, encoding: settings.encoding ?? DEFAULT_ENCODING };
  const format = await formatOf(file, settings.format, read);
  if (format === FORMATS.jsonl && settings.fields === undefined) {
    // Rows without a mapping: unknown keys are rejected.
    yield* scanRows(file, read.encoding);
    return;
  }
  const mapping = compileMapping(settings, format.mapping);
  const records = format.read(file, { ...read, wanted: mapping.columns });
  yield* mapRecords(
    format.isTable ? checkColumns(file, records, mapping.missingIn, settings.delimiter) : records,
    mapping,
  );
}

async function* mapRecords(
  records: AsyncIterable<ScannedRecord>,
  { rowOf, missingIn }: RowMapping,
): AsyncGenerator<ScannedLine> {
  for await (const record of records) {
    if ("reason" in record) {
      yield record;
      continue;
    }
    const { line, columns } = record;
    const row = rowOf(columns);
    if (typeof row !== "string") yield { line, row };
    else if (missingIn(columns) === undefined) yield { line, reason: row };
    else yield { line, reason: row, hint: fieldsHint(Object.keys(columns)) };
  }
}

/**
 * Checks that the first record of a table has all required columns.
 *
 * @throws SlmError CONFIG_INVALID, listing the existing columns
 */
export async function* checkColumns(
  file: string,
  records: AsyncIterable<ScannedRecord>,
  missingIn: RowMapping["missingIn"],
  delimiter?: Delimiter,
): AsyncGenerator<ScannedRecord> {
  let isChecked = false;
  for await (const record of records) {
    if (!isChecked && "columns" in record) {
      const lacking = missingIn(record.columns);
      if (lacking !== undefined) {
        const there = listColumns(record.columns);
        throw new SlmError(
          "CONFIG_INVALID",
          `data: ${file} has no column '${lacking.missing}' (${lacking.setting}); its columns are ${there}`,
          {
            context: { file, column: lacking.missing, columns: Object.keys(record.columns).slice(0, 100) },
            suggestions: [
              ...(delimiter === undefined ? [] : ["remove data.delimiter, so that slm detects it"]),
              fieldsHint(Object.keys(record.columns)),
              `${HINTS.columns} for a file without a header line`,
            ],
          },
        );
      }
      isChecked = true;
    }
    yield record;
  }
}
