/** Shared storage in a directory: a local one for workers of one machine, or a network file system. */
import { readFile, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { readFailure, resolveInside, SlmError, systemCode, writeBytesAtomic } from "@slm/core";
import type { ObjectStore } from "./object-store.js";

/** Opens a directory, which must exist: a worker whose shared volume is not mounted must not write to its own disk instead.
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
    throw new SlmError("INPUT_MISSING", `shared storage: expected a directory that exists, got ${root}`, {
      context: { storage: root },
      suggestions: [`mkdir -p ${root}`, "mount the volume that the workers share"],
    });
  return {
    shown: root,
    put: (key, bytes) => writeBytesAtomic(resolveInside(root, key), bytes),
    get: async (key) => {
      const path = resolveInside(root, key);
      try {
        return await readFile(path);
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
    removeFolder: (folder) => rm(resolveInside(root, folder), { recursive: true, force: true }),
    close: () => undefined,
  };
}
