/** Shared storage in a directory: a local one for workers of one machine, or a network file system. */
import { stat, type FileHandle } from "node:fs/promises";
import { resolve } from "node:path";
import {
  removePath,
  openRegular,
  readFailure,
  resolveInside,
  SlmError,
  systemCode,
  writeBytesAtomic,
} from "@slm/core";
import { MOST_BYTES, tooLarge, type ObjectStore } from "./object-store.js";

/** Opens a directory, which must exist: if the shared volume is not mounted, a worker must not write to its own disk.
 *
 * @throws SlmError INPUT_MISSING
 */
export async function openDirectoryStore(directory: string): Promise<ObjectStore> {
  const root = resolve(directory);
  const isDirectory = await stat(root).then(
    (entry) => entry.isDirectory(),
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return false;
      throw readFailure(error, root);
    },
  );
  if (!isDirectory)
    throw new SlmError("INPUT_MISSING", `shared storage: expected an existing directory, got ${root}`, {
      context: { storage: root },
      suggestions: [`mkdir -p ${root}`, "mount the volume that the workers share"],
    });
  return {
    shown: root,
    put: (key, bytes) => writeBytesAtomic(resolveInside(root, key), bytes),
    get: async (key, mostBytes = MOST_BYTES) => {
      const path = resolveInside(root, key);
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
    },
    has: (key) =>
      stat(resolveInside(root, key)).then(
        (entry) => entry.isFile(),
        () => false,
      ),
    removeFolder: (folder) => removePath(resolveInside(root, folder)),
    close: () => undefined,
  };
}

/** Reads a file up to its size when opened, if it is within the limit. */
async function readUpTo(handle: FileHandle, path: string, mostBytes: number): Promise<Buffer> {
  const { size } = await handle.stat();
  if (size > mostBytes) throw tooLarge(path, size, mostBytes);
  const bytes = Buffer.alloc(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await handle.read(bytes, filled, size - filled, filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
