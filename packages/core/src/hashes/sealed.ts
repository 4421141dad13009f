/**
 * Checksums stored inside the data that they cover. For the checksum, its own 64 digits count as zeros, so it covers all other bytes,
 * including the JSON around it.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { sha256 } from "./hash.js";

const DIGITS = 64;

/** Placeholder of a checksum until {@link seal}. */
export const UNSEALED = "0".repeat(DIGITS);

/** Replaces {@link UNSEALED} with the checksum of `bytes`. @param mark the text right before the placeholder; its first occurrence is used */
export function seal(bytes: Buffer, mark: string): Buffer {
  const at = checksumAt(bytes, mark);
  if (at === undefined || bytes.toString("latin1", at, at + DIGITS) !== UNSEALED)
    throw new Error(`no placeholder for a checksum after ${mark}`);
  bytes.write(sha256(bytes), at, "latin1");
  return bytes;
}

/** Whether `bytes` have a valid checksum after `mark`. */
export function isSealed(bytes: Buffer, mark: string): boolean {
  const at = checksumAt(bytes, mark);
  if (at === undefined) return false;
  const [before, after] = [bytes.subarray(0, at), bytes.subarray(at + DIGITS)];
  const digest = createHash("sha256").update(before).update(UNSEALED).update(after).digest("hex");
  return bytes.toString("latin1", at, at + DIGITS) === digest;
}

/** Bytes per read. The checksum of a file is in the first block. */
const PIECE_BYTES = 1 << 20;

/** Like {@link isSealed} for a file with its checksum in the first MiB, in bounded memory. @throws errors of the file system */
export async function isSealedFile(path: string, mark: string): Promise<boolean> {
  const handle = await open(path, "r");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    const hash = createHash("sha256");
    let checksum: string | undefined;
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) break;
      const bytes = piece.subarray(0, bytesRead);
      if (checksum === undefined) {
        const at = checksumAt(bytes, mark);
        if (at === undefined) return false;
        checksum = bytes.toString("latin1", at, at + DIGITS);
        bytes.write(UNSEALED, at, "latin1");
      }
      hash.update(bytes);
    }
    return checksum === hash.digest("hex");
  } finally {
    await handle.close();
  }
}

/**
 * Like {@link seal} for a file with the placeholder in its first MiB, in bounded memory.
 *
 * @throws Error if there is no placeholder; errors of the file system
 */
export async function sealFile(path: string, mark: string): Promise<void> {
  const handle = await open(path, "r+");
  try {
    const piece = Buffer.alloc(PIECE_BYTES);
    const hash = createHash("sha256");
    let place: number | undefined;
    for (;;) {
      const { bytesRead } = await handle.read(piece, 0, PIECE_BYTES, null);
      if (bytesRead === 0) break;
      const bytes = piece.subarray(0, bytesRead);
      if (place === undefined) {
        place = checksumAt(bytes, mark);
        if (place === undefined || bytes.toString("latin1", place, place + DIGITS) !== UNSEALED)
          throw new Error(`no placeholder for a checksum after ${mark}`);
      }
      hash.update(bytes);
    }
    if (place === undefined) throw new Error(`no placeholder for a checksum after ${mark}`);
    await handle.write(hash.digest("hex"), place, "latin1");
  } finally {
    await handle.close();
  }
}

function checksumAt(bytes: Buffer, mark: string): number | undefined {
  const found = bytes.indexOf(mark);
  const at = found + Buffer.byteLength(mark);
  return found === -1 || at + DIGITS > bytes.length ? undefined : at;
}
