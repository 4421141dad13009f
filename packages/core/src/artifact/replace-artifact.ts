/** Replaces an artifact directory with its finished work directory, and completes a replacement that a kill interrupted. */
import { stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { systemCode } from "../errors/file-error.js";
import { syncDirectory } from "../files/atomic-write.js";
import { withLock } from "../files/lock.js";
import { movePath, removePath } from "../files/move-and-remove.js";
import { readManifest } from "./manifest.js";

/**
 * Completes a replacement that a kill interrupted. `directory` is then the new artifact if it was complete, and otherwise the old one.
 * {@link writeArtifact} calls it. Also call it before reading a directory that an earlier process may have been replacing.
 */
export async function recoverArtifact(directory: string): Promise<void> {
  const target = resolve(directory);
  if (await exists(previousPath(target))) await withLock(target, () => recoverLocked(target));
}

/** Like {@link recoverArtifact}, for a caller that has the lock of `directory`, which must be an absolute path. */
export async function recoverLocked(directory: string): Promise<void> {
  const previous = previousPath(directory);
  if (!(await exists(previous))) return;
  if (!(await exists(directory))) {
    const isComplete = await hasManifest(partialPath(directory));
    await movePath(isComplete ? partialPath(directory) : previous, directory);
    await syncDirectory(dirname(directory));
  }
  await removePrevious(previous);
}

/** Replaces `directory` with its complete work directory. The caller must have the lock of `directory`, an absolute path. */
export async function putInPlace(directory: string): Promise<void> {
  const previous = previousPath(directory);
  const replaces = await exists(directory);
  if (replaces) await movePath(directory, previous);
  try {
    await movePath(partialPath(directory), directory);
  } catch (error) {
    // Readers keep the artifact that they have.
    if (replaces) await movePath(previous, directory);
    throw error;
  }
  await syncDirectory(dirname(directory));
  if (replaces) await removePrevious(previous);
}

/** Removes the replaced artifact. If a reader still has it open (Windows), the next command that uses the directory removes it. */
async function removePrevious(previous: string): Promise<void> {
  try {
    await removePath(previous);
  } catch (error) {
    if (systemCode(error) !== "EBUSY") throw error;
  }
}

/** Directory of unfinished work on `directory`. */
export function partialPath(directory: string): string {
  return `${resolve(directory)}.partial`;
}

/** Directory of the artifact that is being replaced. */
export function previousPath(directory: string): string {
  return `${directory}.previous`;
}

/** Whether a file or directory exists. @throws other system errors than ENOENT */
export async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    },
  );
}

async function hasManifest(directory: string): Promise<boolean> {
  return (await ifReadable(readManifest(directory))) !== undefined;
}

/** Undefined for a missing or malformed file; system errors are rethrown. */
export async function ifReadable<Value>(reading: Promise<Value>): Promise<Value | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}
