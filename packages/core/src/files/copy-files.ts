import { constants } from "node:fs";
import { copyFile, mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { isWriteRejection, writeFailure } from "../errors/file-error.js";
import { resolveInside } from "./relative-path.js";

/**
 * Copies files to the same relative paths. Where the file system can share blocks until one side is written (reflink),
 * it does, else bytes are copied. Hard links are not used: a file edited in the copy would change in its source too.
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

/** Why a file could not be copied to `target`. The system names both files, the one that is read first. */
export const copyFailure = (error: unknown, target: string): unknown =>
  isWriteRejection(error, []) ? writeFailure(error, target, "the copy is not complete") : error;
