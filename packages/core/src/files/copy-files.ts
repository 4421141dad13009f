import { constants } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isWriteRejection, writeFailure } from "../errors/file-error.js";
import { resolveInside } from "./relative-path.js";

/**
 * Copies files to the same relative paths, with shared blocks (reflink) if the file system supports them. It does not use hard links,
 * because an edit of the copy would also change the source.
 */
export async function copyFiles(from: string, to: string, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const target = resolveInside(to, path);
    await mkdir(dirname(target), { recursive: true });
    try {
      await copyFile(resolveInside(from, path), target, constants.COPYFILE_FICLONE);
    } catch (error) {
      throw copyFailure(error, target);
    }
  }
}

/** The error for a file that could not be copied to `target`. The system's error names both files, the source first. */
export const copyFailure = (error: unknown, target: string): unknown =>
  isWriteRejection(error, []) ? writeFailure(error, target, "the copy is incomplete") : error;
