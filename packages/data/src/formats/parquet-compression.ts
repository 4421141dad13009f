/** Decompresses Parquet pages into a buffer of the size in their header, never more. */
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { snappyUncompress, type Compressors } from "hyparquet";
import { decompressLz4, decompressLz4Raw, decompressZstd } from "hyparquet-compressors";
import { MAX_PAGE_BYTES } from "../rows/limits.js";

type Codec = keyof Compressors;
type Decompress = (input: Uint8Array, size: number) => Uint8Array;

const DECOMPRESSORS: Partial<Readonly<Record<Codec, Decompress>>> = {
  UNCOMPRESSED: (input) => input,
  SNAPPY: (input, size) => {
    const output = new Uint8Array(size);
    snappyUncompress(input, output);
    return output;
  },
  // Without an output buffer, the library would allocate the size that the frame claims.
  ZSTD: (input, size) => decompressZstd(input, new Uint8Array(size)),
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: Math.max(1, size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: Math.max(1, size) }),
  LZ4: decompressLz4,
  LZ4_RAW: decompressLz4Raw,
};

/** Decompresses a page. @throws RangeError if its size differs from its header; Error if it is corrupt */
export function decompress(codec: Codec, input: Uint8Array, size: number): Uint8Array {
  const run = DECOMPRESSORS[codec];
  if (run === undefined) throw new RangeError(`compression ${codec} is not supported`);
  if (!Number.isInteger(size) || size < 0 || size > MAX_PAGE_BYTES)
    throw new RangeError(`page size ${size}, expected 0 to ${MAX_PAGE_BYTES}`);
  if (size === 0) return new Uint8Array(0);
  const output = run(input, size);
  if (output.length !== size)
    throw new RangeError(`a page has ${output.length} bytes, but its header says ${size}`);
  return output;
}

/** The decompressors, in the form that the library expects. */
export const checkedCompressors: Compressors = Object.fromEntries(
  (Object.keys(DECOMPRESSORS) as Codec[]).map((codec) => [
    codec,
    (input: Uint8Array, size: number) => decompress(codec, input, size),
  ]),
);
