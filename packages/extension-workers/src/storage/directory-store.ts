/**
 * Shared storage for workers: a directory that all of them can access, such as a network file system. Files appear completely or not at all.
 */
import { stat, type FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import {
  isFile,
  removePath,
  openRegular,
  readFailure,
  resolveInside,
  SlmError,
  systemCode,
  writeBytesAtomic,
} from "@slm/core";

/** Default size limit of a file [bytes]. */
const MOST_BYTES = 32 * 1024 * 1024;

export class DirectoryStore {
  /** Its path, for messages. */
  readonly shown: string;

  private constructor(root: string) {
    this.shown = root;
  }

  /**
   * Opens a directory, which must exist: if the shared volume is not mounted, a worker must not write to its own disk.
   *
   * @throws SlmError INPUT_MISSING
   */
  static async open(directory: string): Promise<DirectoryStore> {
    const root = resolve(directory);
    const isDirectory = await stat(root).then(
      (entry) => entry.isDirectory(),
      (error: unknown) => {
        if (systemCode(error) === "ENOENT") return false;
        throw readFailure(error, root);
      },
    );
    if (isDirectory) return new DirectoryStore(root);
    throw new SlmError("INPUT_MISSING", `shared storage: expected an existing directory, got ${root}`, {
      context: { storage: root },
      suggestions: [`mkdir -p ${root}`, "mount the volume that the workers share"],
    });
  }

  /** Writes or replaces a file. @throws SlmError OUTPUT_FAILED */
  put(key: string, bytes: Uint8Array): Promise<void> {
    return writeBytesAtomic(resolveInside(this.shown, key), bytes);
  }

  /**
   * The bytes of a file; undefined if there is none.
   *
   * @param mostBytes larger files are not read
   * @throws SlmError INPUT_MISSING if it cannot be read or is not a regular file; DATA_INVALID if it is larger
   */
  async get(key: string, mostBytes = MOST_BYTES): Promise<Buffer | undefined> {
    const path = resolveInside(this.shown, key);
    try {
      const handle = await openRegular(path);
      try {
        return await readUpTo(handle, path, mostBytes);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (systemCode(error) === "ENOENT") return undefined;
      throw readFailure(error, path);
    }
  }

  has(key: string): Promise<boolean> {
    return isFile(resolveInside(this.shown, key));
  }

  /** Removes a folder with its files. It is not an error if there is none. */
  removeFolder(folder: string): Promise<void> {
    return removePath(resolveInside(this.shown, folder));
  }
}

/** Reads a file up to its size when opened, if it is within the limit. */
async function readUpTo(handle: FileHandle, path: string, mostBytes: number): Promise<Buffer> {
  const { size } = await handle.stat();
  if (size > mostBytes)
    throw new SlmError("DATA_INVALID", `${path} has ${size} bytes, expected at most ${mostBytes}`, {
      suggestions: ["remove other programs' files from the shared storage and run the same command again"],
    });
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
