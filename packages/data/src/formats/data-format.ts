/** What a reader of a file format is. */
import type { Encoding } from "../rows/lines.js";
import type { Columns, MappingDefaults, WantedColumns } from "../rows/mapping.js";
import type { Rejection } from "../rows/row.js";

/** One record as its columns, or why it is none. `line` is its line, or its place in a file without lines. */
export type ScannedRecord = { readonly line: number; readonly columns: Columns } | Rejection;

/** Settings that change how a file is read. */
export interface ReadSettings {
  readonly encoding: Encoding;
  /** Names of the columns of a table without a header line. */
  readonly columns?: readonly string[] | undefined;
  /** What separates the fields of a CSV record. Default: found in the file. */
  readonly delimiter?: Delimiter | undefined;
  /** Target of a question without an answer. */
  readonly unanswerable?: string | undefined;
  /** Columns that are used: a format that can leave out the others does. Absent: all. */
  readonly wanted?: WantedColumns;
}

/** What may separate the fields of a CSV record, in the order in which it is looked for. */
export const DELIMITERS = [",", ";", "\t", "|"] as const;
export type Delimiter = (typeof DELIMITERS)[number];

/** A format of data files: how a file is recognized and read. */
export interface DataFormat {
  /** Ends of file names that mean this format; none for formats that only a recipe can name. */
  readonly extensions: readonly string[];
  /** Whether all records have the same columns: then a missing column is an error of the recipe, else of the record. */
  readonly isTable: boolean;
  /** Which columns become source and target unless the recipe says so. */
  readonly mapping: MappingDefaults;
  /**
   * The records of a file, one at a time.
   *
   * @throws SlmError INPUT_MISSING if the file cannot be read, DATA_INVALID if it is not of this format.
   */
  readonly read: (path: string, settings: ReadSettings) => AsyncIterable<ScannedRecord>;
}
