/** Where the harness keeps what it fetches, makes and is told: outside the tree, so that a rerun asks only what is new. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { execa } from "execa";

export const CACHE = join(process.env.SLM_CACHE ?? join(homedir(), ".cache/slm"), "interop/compilers");
const REQUIREMENTS = join(import.meta.dirname, "requirements.txt");

/** The interpreter of the virtual environment that requirements.txt describes, made where it is missing or of other versions. */
export async function pythonOf() {
  const environment = join(CACHE, "venv");
  const python = join(environment, "bin/python");
  const wanted = await readFile(REQUIREMENTS, "utf8");
  const stamp = join(environment, "requirements.txt");
  if ((await readFile(stamp, "utf8").catch(() => "")) === wanted) return python;
  await mkdir(CACHE, { recursive: true });
  if (!existsSync(python)) await execa("python3", ["-m", "venv", environment], { stderr: "inherit" });
  await execa(python, ["-m", "pip", "install", "--quiet", "--requirement", REQUIREMENTS], {
    stdout: process.stderr,
    stderr: process.stderr,
  });
  await writeFile(stamp, wanted);
  return python;
}

export function hashOf(/** @type {Uint8Array<ArrayBufferLike>} */ bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Makes a folder of the cache with `make` unless one made by the same `version` is there. Returns its path. */
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
