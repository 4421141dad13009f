/** Checks a complete shard as a stream, in constant memory. */
import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { basename } from "node:path";
import { openRegular, readFailure } from "@slm/core";
import { corrupt, decodeHeader, DIGEST_BYTES, HEADER_BYTES, type ShardHeader } from "./shard-format.js";

const BLOCK_BYTES = 1 << 18;

export interface VerifiedShard {
  readonly header: ShardHeader;
  readonly bytes: number;
  readonly digest: Buffer;
}

/** Opens a shard and checks it. @throws SlmError INPUT_MISSING if it does not exist, DATA_INVALID if it is corrupt */
export async function verifyShard(path: string): Promise<VerifiedShard> {
  const handle = await openForReading(path);
  try {
    return await verifyOpenShard(handle, basename(path));
  } finally {
    await handle.close();
  }
}

/** Opens a file for reading. @throws SlmError INPUT_MISSING naming it */
export async function openForReading(path: string): Promise<FileHandle> {
  try {
    return await openRegular(path);
  } catch (error) {
    throw readFailure(error, path, ["slm teacher cache RECIPE"]);
  }
}

/** Verifies the digest of an open shard, and returns the digest and the header. @throws SlmError DATA_INVALID naming the file */
export async function verifyOpenShard(handle: FileHandle, file: string): Promise<VerifiedShard> {
  const { size } = await handle.stat();
  const header = decodeHeader(await readAt(handle, 0, Math.min(size, HEADER_BYTES), file), size, file);
  const hash = createHash("sha256");
  const end = size - DIGEST_BYTES;
  for (let at = 0; at < end; at += BLOCK_BYTES)
    hash.update(await readAt(handle, at, Math.min(BLOCK_BYTES, end - at), file));
  const digest = await readAt(handle, end, DIGEST_BYTES, file);
  if (!hash.digest().equals(digest)) throw corrupt(file, "its hash differs from the hash at its end");
  return { header, bytes: size, digest };
}

/** Reads exactly `length` bytes from `position`. @throws SlmError DATA_INVALID if the file is too short */
export async function readAt(
  handle: FileHandle,
  position: number,
  length: number,
  file: string,
): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(length);
  let offset = 0;
  while (offset < length) {
    const { bytesRead } = await handle.read(bytes, offset, length - offset, position + offset);
    if (bytesRead === 0) throw corrupt(file, `it ends at byte ${position + offset}`);
    offset += bytesRead;
  }
  return bytes;
}
