/**
 * Checks the pages of a Parquet column chunk before the library decodes them. The library allocates and loops by sizes, counts
 * and run lengths from the file.
 */
import type { Compressors, SchemaTree } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { MAX_PAGE_BYTES } from "../rows/limits.js";
import { decompress } from "./parquet-compression.js";
import { checkPrefixes, countLevel } from "./parquet-prefixes.js";
import { endOfStruct, readVarint } from "./thrift-guard.js";

type PageHeader = ReturnType<typeof parquetHeader>;
type Codec = keyof Compressors;

/** A chunk's entry in the file's footer. */
export interface ChunkFacts {
  readonly codec: Codec;
  readonly type: string | undefined;
  /** Path from the schema's root to the column. */
  readonly path: readonly SchemaTree[];
  /** Values in the chunk, including empty ones. */
  readonly valueCount: number;
}

/** Encoding in which a value reuses a prefix of the previous value. */
const PREFIXED = "DELTA_BYTE_ARRAY";
/** Encodings with a decoded size that the checked numbers determine. */
const DICTIONARY: ReadonlySet<string> = new Set(["PLAIN_DICTIONARY", "RLE_DICTIONARY"]);
const ENCODINGS: ReadonlySet<string> = new Set([
  ...DICTIONARY,
  "PLAIN",
  "RLE",
  "DELTA_BINARY_PACKED",
  "DELTA_LENGTH_BYTE_ARRAY",
  PREFIXED,
  "BYTE_STREAM_SPLIT",
]);

/** Widest index into a dictionary [bits]. */
const MAX_INDEX_BITS = 32;

/**
 * Walks all pages of a chunk.
 *
 * @returns the number of values according to the page headers
 * @throws RangeError naming the invalid number
 */
export function checkPages(bytes: ArrayBuffer, facts: ChunkFacts): number {
  const view = new DataView(bytes);
  const reader = { view, offset: 0 };
  let values = 0;
  // Like the library: a single byte after the last page is padding.
  while (reader.offset < view.byteLength - 1) {
    endOfStruct(view, reader.offset);
    const header = parquetHeader(reader);
    const size = header.compressed_page_size;
    within("compressed page size", size, view.byteLength - reader.offset);
    within("page size", header.uncompressed_page_size, MAX_PAGE_BYTES);
    const page = new Uint8Array(bytes, reader.offset, size);
    reader.offset += size;
    values += checkPage(header, page, facts, facts.valueCount - values);
  }
  return values;
}

/** Checks one page with at most `left` values. @returns the number of its values, 0 for a dictionary */
function checkPage(header: PageHeader, page: Uint8Array, facts: ChunkFacts, left: number): number {
  if (header.type === "DICTIONARY_PAGE") {
    within("dictionary size", header.dictionary_page_header?.num_values, 8 * header.uncompressed_page_size);
    return 0;
  }
  const older = header.data_page_header;
  const newer = header.data_page_header_v2;
  const data = header.type === "DATA_PAGE" ? older : header.type === "DATA_PAGE_V2" ? newer : undefined;
  if (data === undefined) throw new RangeError(`expected a page of data, got ${header.type}`);
  within("values of a page", data.num_values, left);
  if (!ENCODINGS.has(data.encoding)) throw new RangeError(`encoding ${data.encoding} is not supported`);
  const count = data.num_values;
  if (header.type === "DATA_PAGE") {
    const content = decompress(facts.codec, page, header.uncompressed_page_size);
    const { end, definitions } = checkLevels(content, count, facts.path);
    checkRunsOfValues(content.subarray(end), data.encoding, count, facts.type);
    if (data.encoding === PREFIXED) {
      const highest = levelsOf(facts.path).definitions;
      const width = widthOf(highest);
      const present = highest === 0 ? count : countLevel(definitions, { width, count, level: highest });
      checkPrefixes(content.subarray(end), present);
    }
    return count;
  }
  const { definition_levels_byte_length: definition, repetition_levels_byte_length: repetition } = newer!;
  within("level sizes", repetition, page.length);
  within("level sizes", definition, page.length - repetition);
  within("empty values of a page", newer!.num_nulls, count);
  const { repetitions, definitions } = levelsOf(facts.path);
  if (repetitions > 0) checkRuns(page.subarray(0, repetition), widthOf(repetitions), count);
  if (definitions > 0)
    checkRuns(page.subarray(repetition, repetition + definition), widthOf(definitions), count);
  const rest = page.subarray(repetition + definition);
  const size = header.uncompressed_page_size - repetition - definition;
  within("page size", size, MAX_PAGE_BYTES);
  const content = newer!.is_compressed === false ? rest : decompress(facts.codec, rest, size);
  checkRunsOfValues(content, data.encoding, count, facts.type);
  if (data.encoding === PREFIXED) checkPrefixes(content, count - newer!.num_nulls);
  return count;
}

/** Checks repetition and definition levels at the start of a version 1 page. @returns where they end, and the definition levels */
function checkLevels(
  page: Uint8Array,
  count: number,
  path: readonly SchemaTree[],
): { readonly end: number; readonly definitions: Uint8Array } {
  const { repetitions, definitions } = levelsOf(path);
  let offset = 0;
  let last = page.subarray(0, 0);
  for (const highest of [repetitions, definitions].filter((level) => level > 0)) {
    const length = sizeAt(page, offset);
    offset += 4;
    last = page.subarray(offset, offset + length);
    checkRuns(last, widthOf(highest), count);
    offset += length;
  }
  return { end: offset, definitions: last };
}

function checkRunsOfValues(
  bytes: Uint8Array,
  encoding: string,
  count: number,
  type: string | undefined,
): void {
  if (count === 0 || bytes.length === 0) return;
  if (DICTIONARY.has(encoding) || (encoding === "RLE" && type !== "BOOLEAN")) {
    const width = bytes[0]!;
    within("bits of a dictionary index", width, MAX_INDEX_BITS);
    if (width > 0) checkRuns(bytes.subarray(1), width, count);
  } else if (encoding === "RLE") {
    within("size of runs", sizeAt(bytes, 0), bytes.length - 4);
    checkRuns(bytes.subarray(4), 1, count);
  }
}

/**
 * Skips runs of equal values and bit-packed groups of eight until `count` values are read or the data ends.
 *
 * Source: Parquet format, encoding RLE: `header = run << 1` or `groups << 1 | 1`.
 *
 * @throws RangeError if a run is longer than the remaining values
 */
function checkRuns(bytes: Uint8Array, width: number, count: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let offset = 0;
  let left = count;
  while (left > 0 && offset < bytes.length) {
    const { value, end } = readVarint(view, offset);
    within("header of a run", value, 2 ** 31 - 1);
    if (end - offset > 5) throw new RangeError("the header of a run is longer than five bytes");
    const isPacked = value % 2 === 1;
    const run = Math.floor(value / 2);
    // Groups have eight values; the last group may be padded.
    const values = isPacked ? 8 * run : run;
    within("values of a run", values, isPacked ? 8 * Math.ceil(left / 8) : left);
    offset = end + (isPacked ? run * width : Math.ceil(width / 8));
    left -= values;
  }
}

/** The maximum levels of a column: the number of repeated fields and the number of optional or repeated fields on its path. */
function levelsOf(path: readonly SchemaTree[]): {
  readonly repetitions: number;
  readonly definitions: number;
} {
  const kinds = path.slice(1).map(({ element }) => element.repetition_type);
  return {
    repetitions: kinds.filter((kind) => kind === "REPEATED").length,
    definitions: kinds.filter((kind) => kind !== "REQUIRED").length,
  };
}

function widthOf(highest: number): number {
  return 32 - Math.clz32(highest);
}

function sizeAt(bytes: Uint8Array, offset: number): number {
  const size = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
  within("size of levels", size, bytes.length - offset - 4);
  return size;
}

function within(what: string, value: number | undefined, most: number): void {
  if (value !== undefined && Number.isInteger(value) && value >= 0 && value <= most) return;
  throw new RangeError(`${what} ${String(value)}, expected 0 to ${most}`);
}
