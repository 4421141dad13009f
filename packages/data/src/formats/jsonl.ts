/** JSON Lines: one object per line; empty lines are skipped. */
import { readLines } from "../rows/lines.js";
import { ROW_COLUMNS, type Columns } from "../rows/mapping.js";
import { parseLine } from "./read-rows.js";
import { kindOf } from "../rows/row.js";
import type { DataFormat, ReadSettings, ScannedRecord } from "./data-format.js";

export const jsonlFormat: DataFormat = {
  extensions: [".jsonl", ".ndjson"],
  isTable: false,
  mapping: ROW_COLUMNS,
  read: readJsonLines,
};

async function* readJsonLines(path: string, { encoding }: ReadSettings): AsyncGenerator<ScannedRecord> {
  for await (const line of readLines(path, { encoding })) {
    const parsed = "reason" in line ? line : parseLine(line);
    if (parsed === undefined) continue;
    yield "reason" in parsed ? parsed : toRecord(line.line, parsed.value);
  }
}

/** Converts a parsed JSON value to a record. */
export function toRecord(line: number, value: unknown): ScannedRecord {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return { line, columns: value as Columns };
  }
  return { line, reason: `expected an object {"source", "target"}, got ${kindOf(value)}` };
}
