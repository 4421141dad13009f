/**
 * Checks the pages of a Parquet column with DELTA_BYTE_ARRAY values, which reuse a prefix of the previous value: a few bytes may expand to
 * a million long texts.
 *
 * Source: Parquet format, encodings DELTA_BYTE_ARRAY (prefix lengths as DELTA_BINARY_PACKED, then the suffixes)
 * and RLE.
 */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { MAX_PAGE_BYTES } from "../rows/limits.js";
import { readVarint } from "./thrift-guard.js";

/**
 * Checks the sum of the prefix lengths of a page.
 *
 * @param present number of non-empty values in the page, which is how many the library decodes
 * @throws RangeError if the page has another number of prefixes, or their sum exceeds the page limit
 */
export function checkPrefixes(bytes: Uint8Array, present: number): void {
  if (present === 0) return;
  const view = viewOf(bytes);
  const { value: claimed } = readVarint(view, readVarint(view, readVarint(view, 0).end).end);
  if (claimed !== present) throw new RangeError(`${claimed} prefixes for ${present} values`);
  const lengths = new Int32Array(present);
  deltaBinaryUnpack({ view, offset: 0 }, present, lengths);
  let sum = 0;
  for (const length of lengths) {
    if (length < 0) throw new RangeError(`a prefix of ${length} bytes`);
    sum += length;
  }
  if (sum > MAX_PAGE_BYTES)
    throw new RangeError(`prefixes with a total of ${sum} bytes, expected at most ${MAX_PAGE_BYTES}`);
}

interface Levels {
  /** Bits per level. */
  readonly width: number;
  /** Number of levels. */
  readonly count: number;
  /** The level that is counted. */
  readonly level: number;
}

/** Counts a level in checked runs. */
export function countLevel(bytes: Uint8Array, { width, count, level }: Levels): number {
  const view = viewOf(bytes);
  const bytesOfValue = Math.ceil(width / 8);
  let found = 0;
  for (let offset = 0, left = count; left > 0 && offset < bytes.length;) {
    const { value, end } = readVarint(view, offset);
    const run = Math.floor(value / 2);
    if (value % 2 === 0) {
      const repeated = Array.from(
        { length: bytesOfValue },
        (_, byte) => (bytes[end + byte] ?? 0) << (8 * byte),
      );
      if (repeated.reduce((sum, part) => sum | part, 0) === level) found += Math.min(run, left);
      offset = end + bytesOfValue;
      left -= run;
      continue;
    }
    const values = Math.min(8 * run, left);
    for (let index = 0; index < values; index++)
      if (packedAt(bytes.subarray(end), index * width, width) === level) found++;
    offset = end + run * width;
    left -= 8 * run;
  }
  return found;
}

/** Reads a bit-packed number, least significant bit first. */
function packedAt(bytes: Uint8Array, start: number, width: number): number {
  let value = 0;
  for (let bit = 0; bit < width; bit++) {
    const at = start + bit;
    value |= (((bytes[at >> 3] ?? 0) >> (at & 7)) & 1) << bit;
  }
  return value;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
