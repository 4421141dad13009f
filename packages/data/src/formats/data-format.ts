/** The interface of file formats. */
import type { Encoding } from "../rows/lines.js";
import type { Columns, MappingDefaults, WantedColumns } from "../rows/mapping.js";
import type { Rejection } from "../rows/row.js";

/** A record's columns, or why it was rejected. `line` is its line, or its position in a file without lines. */
export type ScannedRecord = { readonly line: number; readonly columns: Columns } | Rejection;

/** Settings of a reader. */
export interface ReadSettings {
  readonly encoding: Encoding;
  /** Column names for a table without a header line. */
  readonly columns?: readonly string[] | undefined;
  /** Field separator of CSV. Default: detected. */
  readonly delimiter?: Delimiter | undefined;
  /** Target for questions without an answer. */
  readonly unanswerable?: string | undefined;
  /** Columns that are used. Parquet skips the others. Default: all. */
  readonly wanted?: WantedColumns;
}

/** Field separators of CSV, in the order of detection. */
export const DELIMITERS = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** A format of data files: its file extensions and its reader. */
export interface DataFormat {
  /** File extensions of this format; empty if only a recipe can select it. */
  readonly extensions: readonly string[];
  /** Whether all records have the same columns. If so, a missing column is an error in the recipe; otherwise the record is rejected. */
  readonly isTable: boolean;
  /** Default mapping of columns to source and target. */
  readonly mapping: MappingDefaults;
  /**
   * The records of a file, one at a time.
   *
   * @throws SlmError INPUT_MISSING if the file cannot be read, DATA_INVALID if it does not have this format.
   */
  readonly read: (path: string, settings: ReadSettings) => AsyncIterable<ScannedRecord>;
}
