/** Reads Parquet with one row group in memory at a time. Every number in the file is checked before the library uses it. */
import type { FileHandle } from "node:fs/promises";
import { openRegular, SlmError } from "@slm/core";
import {
  parquetMetadata,
  parquetReadObjects,
  parquetSchema,
  type AsyncBuffer,
  type ColumnMetaData,
  type FileMetaData,
  type RowGroup,
  type SchemaTree,
} from "hyparquet";
import { decodeText, unreadable } from "../rows/lines.js";
import { MAX_CHUNK_BYTES, MAX_COLUMNS, MAX_FOOTER_BYTES, MAX_GROUP_ROWS } from "../rows/limits.js";
import { ROW_COLUMNS, type Columns, type WantedColumns } from "../rows/mapping.js";
import type { DataFormat, ReadSettings, ScannedRecord } from "./data-format.js";
import { checkedCompressors } from "./parquet-compression.js";
import { listMending } from "./parquet-lists.js";
import { checkPages } from "./parquet-pages.js";
import { endOfStruct } from "./thrift-guard.js";

/** `line` of a record is its row, counted from 1. */
export const parquetFormat: DataFormat = {
  extensions: [".parquet", ".pq"],
  isTable: true,
  mapping: ROW_COLUMNS,
  read: readParquet,
};

/** Size of the footer's length and "PAR1" at the end of a file. */
const MAGIC = 0x31524150;
const TAIL_BYTES = 8;

/** An open file with its footer. */
interface ParquetFile {
  readonly handle: FileHandle;
  readonly size: number;
  readonly metadata: FileMetaData;
  readonly schema: SchemaTree;
}

async function* readParquet(path: string, { wanted }: ReadSettings): AsyncGenerator<ScannedRecord> {
  const handle = await openRegular(path).catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  try {
    const file = await orInvalid(path, () => readFooter(handle));
    const columns = wantedOf(file.schema, wanted);
    let line = 0;
    for (const [index, group] of file.metadata.row_groups.entries()) {
      const rows = await orInvalid(path, () => readGroup(file, group, columns), `row group ${index + 1}`);
      for (const row of rows) yield { line: ++line, columns: row };
    }
  } finally {
    await handle.close();
  }
}

async function readFooter(handle: FileHandle): Promise<ParquetFile> {
  const { size } = await handle.stat();
  const tail = new DataView(await readRange(handle, size, size - TAIL_BYTES, size));
  if (tail.getUint32(4, true) !== MAGIC) throw new RangeError("does not end in PAR1");
  const length = tail.getUint32(0, true);
  if (length > Math.min(MAX_FOOTER_BYTES, size - TAIL_BYTES))
    throw new RangeError(`the footer has ${length} bytes of ${size}, expected at most ${MAX_FOOTER_BYTES}`);
  const footer = await readRange(handle, size, size - TAIL_BYTES - length, size);
  endOfStruct(new DataView(footer, 0, length), 0);
  const metadata = parquetMetadata(footer, { geoparquet: false });
  if (metadata.schema.length > MAX_COLUMNS)
    throw new RangeError(`${metadata.schema.length} columns, expected at most ${MAX_COLUMNS}`);
  return { handle, size, metadata, schema: parquetSchema(metadata) };
}

/** Top-level columns that are used; all columns if one is missing, so that the error can list them. */
function wantedOf(schema: SchemaTree, wanted: WantedColumns | undefined): readonly string[] {
  const names = schema.children.map(({ element }) => element.name);
  if (wanted === undefined || wanted.others === true) return names;
  const holds = (name: string, column: string): boolean => column === name || column.startsWith(`${name}.`);
  if (!wanted.needed.every((column) => names.some((name) => holds(name, column)))) return names;
  const used = [...wanted.needed, ...wanted.optional];
  return names.filter((name) => used.some((column) => holds(name, column)));
}

/** All rows of a group. */
async function readGroup(
  file: ParquetFile,
  group: RowGroup,
  columns: readonly string[],
): Promise<readonly Columns[]> {
  const rowCount = toCount("rows", group.num_rows, MAX_GROUP_ROWS);
  const rows: Record<string, unknown>[] = Array.from({ length: rowCount }, () => ({}));
  for (const name of columns) {
    const chunks = await checkedChunks(file, group, name, rowCount);
    const column = await parquetReadObjects({
      file: chunks,
      metadata: { ...file.metadata, row_groups: [group] },
      columns: [name],
      compressors: checkedCompressors,
      // Bytes that are not valid text stay bytes, and the row's check rejects them.
      parsers: { stringFromBytes: (bytes: Uint8Array) => decodeText(bytes) ?? (bytes as never) },
    });
    if (column.length !== rowCount)
      throw new RangeError(`column '${name}' has ${column.length} rows, expected ${rowCount}`);
    const mend = listMending(pathTo(file.schema, [name])[1]!);
    for (const [index, { [name]: value }] of column.entries())
      define(rows[index]!, name, mend === undefined ? value : mend(value));
  }
  return rows;
}

/** A plain assignment would not create a column named `__proto__`. */
function define(row: Record<string, unknown>, name: string, value: unknown): void {
  Object.defineProperty(row, name, { value: value ?? null, enumerable: true });
}

/** Presents the chunks of one column as a file to the library; only checked bytes can be read from it. */
async function checkedChunks(
  { handle, size, schema }: ParquetFile,
  group: RowGroup,
  name: string,
  rowCount: number,
): Promise<AsyncBuffer> {
  const ranges: { readonly start: number; readonly end: number; readonly bytes: ArrayBuffer }[] = [];
  for (const { meta_data: facts, file_path: elsewhere } of group.columns) {
    if (facts?.path_in_schema[0] !== name) continue;
    if (elsewhere !== undefined) throw new RangeError(`column '${name}' is in another file`);
    const { start, end } = rangeOf(facts, size);
    const bytes = await readRange(handle, size, start, end);
    const path = pathTo(schema, facts.path_in_schema);
    const valueCount = toCount("values", facts.num_values, MAX_GROUP_ROWS);
    const held = checkPages(bytes, { codec: facts.codec, type: facts.type, path, valueCount });
    const isFlat = path.length === 2 && path[1]!.element.repetition_type !== "REPEATED";
    if (isFlat ? held !== rowCount : held < rowCount)
      throw new RangeError(`column '${name}' has ${held} values for ${rowCount} rows`);
    ranges.push({ start, end, bytes });
  }
  return {
    byteLength: size,
    slice: (start, end = size) => {
      const range = ranges.find((one) => one.start <= start && end <= one.end);
      if (range !== undefined) return range.bytes.slice(start - range.start, end - range.start);
      // The library reads adjacent columns at once, but never decodes the bytes between them.
      const joined = new Uint8Array(end - start);
      for (const one of ranges.filter(({ start: from, end: to }) => from >= start && to <= end))
        joined.set(new Uint8Array(one.bytes), one.start - start);
      return joined.buffer;
    },
  };
}

/** The byte range of a chunk, starting with its dictionary or its first page. */
function rangeOf(facts: ColumnMetaData, size: number): { readonly start: number; readonly end: number } {
  const dictionary = Number(facts.dictionary_page_offset ?? 0);
  const data = toCount("offset of pages", facts.data_page_offset, size);
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const length = toCount("bytes of a column", facts.total_compressed_size, MAX_CHUNK_BYTES);
  if (start + length > size) throw new RangeError(`a column ends at byte ${start + length} of ${size}`);
  return { start, end: start + length };
}

function pathTo(schema: SchemaTree, names: readonly string[]): readonly SchemaTree[] {
  const path = [schema];
  for (const name of names) {
    const child = path.at(-1)!.children.find(({ element }) => element.name === name);
    if (child === undefined) throw new RangeError(`the schema has no column '${names.join(".")}'`);
    path.push(child);
  }
  return path;
}

function toCount(what: string, value: bigint | undefined, most: number): number {
  if (value !== undefined && value >= 0n && value <= BigInt(most)) return Number(value);
  throw new RangeError(`${String(value)} ${what}, expected 0 to ${most}`);
}

async function readRange(handle: FileHandle, size: number, start: number, end: number): Promise<ArrayBuffer> {
  if (start < 0 || end > size) throw new RangeError(`bytes ${start} to ${end} of a file of ${size}`);
  const bytes = new Uint8Array(end - start);
  let filled = 0;
  while (filled < bytes.length) {
    const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, start + filled);
    if (bytesRead === 0) throw new RangeError(`the file ends at byte ${start + filled}`);
    filled += bytesRead;
  }
  return bytes.buffer;
}

/** Wraps the library's error for a corrupt file. */
async function orInvalid<Result>(
  path: string,
  run: () => Promise<Result>,
  where = "footer",
): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    if (cause instanceof SlmError) throw cause;
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new SlmError("DATA_INVALID", `data: ${path}: cannot be read as Parquet: ${where}: ${reason}`, {
      context: { path },
      suggestions: ["--set data.format=csv, or another format", "write the file again"],
      cause,
    });
  }
}
