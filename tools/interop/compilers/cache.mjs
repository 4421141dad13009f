/** Cache of downloads, graphs and compilers' answers outside the repository, so that a rerun compiles only new graphs. */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pythonWith, requirementsIn } from "../../lib/python.mjs";
import { USER_CACHE } from "../../lib/user-cache.mjs";

export const CACHE = join(USER_CACHE, "interop/compilers");
export const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** The interpreter of the virtual environment with the packages of requirements.txt. */
export const pythonOf = () => pythonWith(join(CACHE, "venv"), requirementsIn(REQUIREMENTS));

export function hashOf(/** @type {Uint8Array} */ bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Makes a folder of the cache with `make`, unless it exists with the same `version`. Returns its path. */
export async function folderOf(
  /** @type {string} */ name,
  /** @type {string} */ version,
  /** @type {(folder: string) => Promise<void>} */ make,
) {
  const folder = join(CACHE, name);
  const stamp = join(CACHE, `${name}.made-by`);
  if ((await readFile(stamp, "utf8").catch(() => "")) === version) return folder;
  await mkdir(dirname(folder), { recursive: true });
  await make(folder);
  await writeFile(stamp, version);
  return folder;
}
