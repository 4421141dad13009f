/** Checks that a directory can be written, before expensive work starts. */
import { ifThere } from "./presence.js";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { writeFailure } from "../errors/file-error.js";

/**
 * Rejects a directory that cannot be written or created, because a part of its path is a file or its nearest existing parent is not
 * writable. It does not detect problems that show only during a write, such as a full disk.
 *
 * @throws SlmError OUTPUT_FAILED
 */
export async function requireWritable(directory: string): Promise<void> {
  const target = resolve(directory);
  try {
    await requireFolder(target);
  } catch (error) {
    throw writeFailure(error, target, "no files were changed");
  }
}

async function requireFolder(path: string): Promise<void> {
  const found = await ifThere(stat(path));
  if (found === undefined) {
    if (dirname(path) !== path) await requireFolder(dirname(path));
    return;
  }
  if (!found.isDirectory()) throw Object.assign(new Error(`not a directory: ${path}`), { code: "ENOTDIR" });
  await access(path, constants.W_OK);
}
