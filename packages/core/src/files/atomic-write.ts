/**
 * Writes files atomically: a file contains either its old content or the complete new content.
 *
 * The bytes are written to a temporary file in the same folder, which is flushed and then renamed. `FileHandle.writeFile` loops until every
 * byte is written; a single `write` may write less if the disk fills up, or above 2 GiB.
 */
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFailure } from "../errors/file-error.js";
import { makeFolder } from "./make-folder.js";
import { movePath } from "./move-and-remove.js";

const WINDOWS = process.platform === "win32";

/** Writes bytes so that `path` never contains only a part of them. Creates missing parent directories. @throws SlmError OUTPUT_FAILED */
export async function writeBytesAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(path, bytes);
}

/**
 * Like {@link writeBytesAtomic}, but after a power cut the file may be empty. For the many small files of an artifact, which are flushed
 * together at the end. Code that resumes unfinished work must check that they are complete. @throws SlmError OUTPUT_FAILED
 */
export async function writeBytesUnflushed(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(path, bytes, { flush: false });
}

/** Writes UTF-8 text so that `path` never contains only a part of it. @throws SlmError OUTPUT_FAILED */
export async function writeTextAtomic(path: string, text: string): Promise<void> {
  await writeAtomic(path, text);
}

/** Writes a value as indented JSON with a final newline. @throws SlmError OUTPUT_FAILED */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Whether a path is a temporary file of this module, left by a killed process. */
export function isTemporaryPath(path: string): boolean {
  return /\.\d+\.[0-9a-f]{8}\.tmp$/.test(path);
}

async function writeAtomic(path: string, data: string | Uint8Array, options?: FlushOptions): Promise<void> {
  await replaceAtomic(
    path,
    async (temporary) => {
      const handle = await open(temporary, "wx");
      try {
        await handle.writeFile(data);
      } finally {
        await handle.close();
      }
    },
    options,
  );
}

interface FlushOptions {
  readonly flush: boolean;
}

/**
 * Writes a file in pieces, so that `path` never contains only a part of it. Creates missing parent directories.
 *
 * @param write writes the whole file to the given path, which is in the folder of `path`
 * @throws SlmError OUTPUT_FAILED; errors of `write` that are not errors of the file system
 */
export async function replaceAtomic(
  path: string,
  write: (temporary: string) => Promise<void>,
  { flush }: FlushOptions = { flush: true },
): Promise<void> {
  const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
  try {
    await makeFolder(dirname(path));
    await write(temporary);
    if (flush) await syncFile(temporary);
    await movePath(temporary, path);
    if (flush) await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeFailure(error, path, "its previous contents, if any, are unchanged");
  }
}

/** Flushes a file's bytes to the device. */
export async function syncFile(path: string): Promise<void> {
  const handle = await open(path, WINDOWS ? "r+" : "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Flushes a directory's entries, so that a rename survives a power cut. Windows does not have or need this call. */
export async function syncDirectory(path: string): Promise<void> {
  if (!WINDOWS) await syncFile(path);
}
