/** Checks before costly work that a directory can be written. */
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCode, writeFailure } from "../errors/file-error.js";

/**
 * Rejects a directory that cannot be written or made: one of its parts is a file, or its nearest existing part may not be written. A
 * file system that only finds out when it is written to, such as a full one, passes.
 *
 * @throws SlmError OUTPUT_FAILED
 */
export async function requireWritable(directory: string): Promise<void> {
  const target = resolve(directory);
  try {
    await requireFolder(target);
  } catch (error) {
    throw writeFailure(error, target, "nothing was changed");
  }
}

async function requireFolder(path: string): Promise<void> {
  const found = await stat(path).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) {
    if (dirname(path) !== path) await requireFolder(dirname(path));
    return;
  }
  if (!found.isDirectory()) throw Object.assign(new Error(`not a directory: ${path}`), { code: "ENOTDIR" });
  await access(path, constants.W_OK);
}
