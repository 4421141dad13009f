/**
 * Checks the pages of a Parquet column whose values take over the beginning of the one before them: a few bytes may ask for a long
 * text a million times.
 *
 * Source: Parquet format, encodings DELTA_BYTE_ARRAY (the lengths of the prefixes as DELTA_BINARY_PACKED, then the rest of each value)
 * and RLE.
 */
import { deltaBinaryUnpack } from "hyparquet/src/delta.js";
import { MAX_PAGE_BYTES } from "../rows/limits.js";
import { readVarint } from "./thrift-guard.js";

/**
 * Adds up the prefixes of a page.
 *
 * @param present values of the page that are not empty, which is how many the library decodes
 * @throws RangeError if the page says another number, or its prefixes are longer together than a page may be
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
    throw new RangeError(`prefixes of ${sum} bytes together, expected at most ${MAX_PAGE_BYTES}`);
}

interface Levels {
  /** Bits of a level. */
  readonly width: number;
  /** Levels there are. */
  readonly count: number;
  /** The one that is counted. */
  readonly level: number;
}

/** How often a level is there, in runs that were checked. */
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

/** The number at a place of packed bits, lowest first. */
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
