/** Files fetched for tasks and tools: in the user's cache, never in the repository; each appears whole or not at all. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { closeSync, mkdirSync, mkdtempSync, openSync, readSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** SLM_CACHE, else the `slm` folder in the user's cache folder, as `configs/shared/user-cache.ts` looks for it. */
export const USER_CACHE =
  process.env.SLM_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "slm");

/** Runs a program; its messages go to stderr. @throws Error with a hint where the program is not installed */
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

/** @throws Error where a file is not the one whose numbers are published; the file is removed */
export function checkSha256(/** @type {string} */ file, /** @type {string} */ expected) {
  const got = sha256Of(file);
  if (got === expected) return;
  rmSync(file);
  throw new Error(`${file}: expected sha256 ${expected}, got ${got}; it was removed`);
}

/**
 * Gives a new folder beside the place of its result, and removes it afterwards.
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
