/**
 * TFRecord framing: a file is a sequence of records that can be appended to and read while it grows.
 *
 *     length   uint64, little-endian
 *     checksum uint32 of the 8 length bytes
 *     data     `length` bytes
 *     checksum uint32 of the data
 *
 * Checksums are CRC-32C, masked, because the data may itself contain checksums.
 * Source: https://www.tensorflow.org/tutorials/load_data/tfrecord, "TFRecords format details".
 */
import { crc32c } from "./crc32c.js";

const HEADER_BYTES = 12;
const FOOTER_BYTES = 4;
const MASK_DELTA = 0xa282ead8;

/** Frames data as one record. */
export function frameRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(HEADER_BYTES + data.length + FOOTER_BYTES);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedChecksum(record.subarray(0, 8)), true);
  record.set(data, HEADER_BYTES);
  view.setUint32(HEADER_BYTES + data.length, maskedChecksum(data), true);
  return record;
}

export interface FramedRecord {
  readonly data: Uint8Array;
  /** End of the record [bytes from the beginning of the file]. */
  readonly end: number;
}

/**
 * The records up to the first truncated one or one with a wrong checksum. Later records cannot be located, and a killed writer
 * leaves a truncated one at the end.
 */
export function* readRecords(file: Uint8Array): Generator<FramedRecord> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let at = 0;
  while (at + HEADER_BYTES + FOOTER_BYTES <= file.length) {
    if (view.getUint32(at + 8, true) !== maskedChecksum(file.subarray(at, at + 8))) return;
    const length = view.getBigUint64(at, true);
    if (length > BigInt(file.length - at - HEADER_BYTES - FOOTER_BYTES)) return;
    const end = at + HEADER_BYTES + Number(length);
    const data = file.subarray(at + HEADER_BYTES, end);
    if (view.getUint32(end, true) !== maskedChecksum(data)) return;
    at = end + FOOTER_BYTES;
    yield { data, end: at };
  }
}

/** The checksum rotated right by 15 bits plus a constant, modulo 2^32. */
function maskedChecksum(bytes: Uint8Array): number {
  const checksum = crc32c(bytes);
  return (((checksum >>> 15) | (checksum << 17)) + MASK_DELTA) >>> 0;
}
