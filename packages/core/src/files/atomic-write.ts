/**
 * Files that hold either their old contents or all of the new ones.
 *
 * The bytes go to a temporary sibling that is flushed to the device and then renamed. `FileHandle.writeFile` is used
 * because it loops until every byte is written: a single `write` may stop short when the disk fills up or beyond 2 GiB.
 */
import { randomBytes } from "node:crypto";
import { open, rename, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { writeFailure } from "../errors/file-error.js";
import { makeFolder } from "./make-folder.js";

const WINDOWS = process.platform === "win32";

/** Writes bytes so that `path` never holds only a part of them. Creates missing parent directories. @throws SlmError OUTPUT_FAILED */
export async function writeBytesAtomic(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(path, bytes);
}

/**
 * As {@link writeBytesAtomic}, but a power cut may leave the file empty. For many small files of an artifact, which are flushed
 * together when it is finished. Code that resumes unfinished work must check that they are complete. @throws SlmError OUTPUT_FAILED
 */
export async function writeBytesUnflushed(path: string, bytes: Uint8Array): Promise<void> {
  await writeAtomic(path, bytes, { flush: false });
}

/** Writes UTF-8 text so that `path` never holds only a part of it. @throws SlmError OUTPUT_FAILED */
export async function writeTextAtomic(path: string, text: string): Promise<void> {
  await writeAtomic(path, text);
}

/** Writes a value as indented JSON with a final newline. @throws SlmError OUTPUT_FAILED */
export async function writeJsonAtomic(path: string, value: unknown): Promise<void> {
  await writeAtomic(path, `${JSON.stringify(value, null, 2)}\n`);
}

/** Whether a path is a temporary file of this module that a killed process left behind. */
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
 * Writes a file that is made piece by piece, so that `path` never holds only a part of it. Creates missing parent directories.
 *
 * @param write writes the whole file to the path that it is given, a sibling of `path`
 * @throws SlmError OUTPUT_FAILED; what `write` throws that is no error of the file system
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
    await rename(temporary, path);
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

/** Flushes a directory's entries, so that a rename survives a power cut. Windows has no such call and needs none. */
export async function syncDirectory(path: string): Promise<void> {
  if (!WINDOWS) await syncFile(path);
}
