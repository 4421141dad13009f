/** Downloads for tasks and tools, in the user's cache and not in the repository. Each file appears completely or not at all. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** SLM_CACHE, or the `slm` folder in the user's cache folder, as in `configs/shared/user-cache.ts`. */
export const USER_CACHE =
  process.env.SLM_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slm");

/** Runs a program. Its messages go to stderr. @throws Error with a hint if the program is not installed */
export function run(
  /** @type {string} */ command,
  /** @type {string[]} */ args,
  /** @type {{ cwd?: string | undefined, env?: Record<string, string>, stdout?: "ignore" | number, hint?: string }} */ {
    cwd,
    env = {},
    stdout = "ignore",
    hint,
  } = {},
) {
  try {
    execFileSync(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", stdout, "inherit"],
    });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    throw new Error(`${command} is not installed${hint === undefined ? "" : `: ${hint}`}`, { cause: error });
  }
}

/** SHA-256 of a file, read in pieces. */
export function sha256Of(/** @type {string} */ file) {
  const hash = createHash("sha256");
  const handle = openSync(file, "r");
  const piece = Buffer.alloc(1 << 22);
  try {
    for (let read; (read = readSync(handle, piece)) > 0;) hash.update(piece.subarray(0, read));
  } finally {
    closeSync(handle);
  }
  return hash.digest("hex");
}

/** @throws Error if a file does not have the expected hash; the file is deleted */
export function checkSha256(/** @type {string} */ file, /** @type {string} */ expected) {
  const got = sha256Of(file);
  if (got === expected) return;
  rmSync(file);
  throw new Error(`${file}: expected sha256 ${expected}, got ${got}; the file was deleted`);
}

/**
 * Creates a temporary folder next to the result's path, and deletes it afterwards.
 *
 * @template T
 */
export function inWorkFolder(/** @type {string} */ parent, /** @type {(work: string) => T} */ make) {
  mkdirSync(parent, { recursive: true });
  const work = mkdtempSync(join(parent, ".fetching-"));
  try {
    return make(work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
