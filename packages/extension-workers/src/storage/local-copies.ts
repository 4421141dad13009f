/**
 * Copies of a run's files on a worker's own disk. All workers of a machine share them. A copy appears only when complete, named by the hash
 * of its contents.
 *
 *   <folder>/<run>/<sha256>       a file, or a directory for a tree
 */
import { randomBytes } from "node:crypto";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  isThere,
  movePath,
  removePath,
  isTemporaryPath,
  makeFolder,
  systemCode,
  writeBytesAtomic,
} from "@slm/core";
import type { FileRef, SharedFiles } from "./shared-files.js";

export class LocalCopies {
  readonly #files: SharedFiles;
  readonly #directory: string;

  /** @param folder of all runs' copies */
  constructor(folder: string, files: SharedFiles) {
    this.#files = files;
    this.#directory = join(folder, files.run);
  }

  /** Returns the path of a file's local copy. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async file(ref: FileRef): Promise<string> {
    const path = join(this.#directory, ref.sha256);
    if (!(await isThere(path))) await this.#files.getFile(ref, path);
    return path;
  }

  /** Keeps a file that this machine created, so that it need not be downloaded. @returns the same reference */
  async keep(ref: FileRef, bytes: Uint8Array): Promise<FileRef> {
    await writeBytesAtomic(join(this.#directory, ref.sha256), bytes);
    return ref;
  }

  /** Returns the directory of a tree's local copy. @throws SlmError INPUT_MISSING, DATA_INVALID */
  async tree(ref: FileRef): Promise<string> {
    const path = join(this.#directory, ref.sha256);
    if (await isThere(path)) return path;
    const temporary = `${path}.${process.pid}.${randomBytes(4).toString("hex")}.tmp`;
    try {
      await this.#files.getTree(ref, temporary);
      await mkdir(temporary, { recursive: true });
      await movePath(temporary, path);
    } catch (error) {
      await removePath(temporary);
      // Another worker on this machine was faster.
      if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "EEXIST") throw error;
    }
    return path;
  }

  /** Creates an empty directory for one job. The caller removes it. */
  async workDirectory(): Promise<string> {
    const path = join(this.#directory, `work.${process.pid}.${randomBytes(4).toString("hex")}.tmp`);
    await makeFolder(path);
    return path;
  }
}

/** Removes temporary files of killed workers on this machine, and the copies of finished runs. @param hasEnded called for each run */
export async function removeLeftovers(
  folder: string,
  hasEnded: (run: string) => Promise<boolean>,
): Promise<void> {
  for (const run of await namesIn(folder)) {
    const directory = join(folder, run);
    if (await hasEnded(run)) {
      await removePath(directory);
      continue;
    }
    for (const name of await namesIn(directory))
      if (isTemporaryPath(name) && !isOfLivingProcess(name)) await removePath(join(directory, name));
  }
}

/** Whether the process in a temporary name is still running. */
function isOfLivingProcess(name: string): boolean {
  const pid = Number(/\.(\d+)\.[0-9a-f]{8}\.tmp$/u.exec(name)?.[1]);
  try {
    process.kill(pid, 0); // Signal 0 only checks that the process exists.
    return true;
  } catch (error) {
    return systemCode(error) !== "ESRCH";
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw error;
  });
}
