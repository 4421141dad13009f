/**
 * Moves and removes files and folders. On Windows both fail while another program has a file open: a reader, a virus scanner, an indexer.
 * That usually lasts milliseconds, so they are repeated until a time limit.
 */
import { rename, rm } from "node:fs/promises";
import { systemCode } from "../errors/file-error.js";

/** Codes that Windows reports for files that are open elsewhere, and for a folder with such a file. */
const OPEN_ELSEWHERE: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EBUSY", "ENOTEMPTY"]);

/** How long to repeat an operation, and the first and longest pause [ms]. */
const LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

interface RetryOptions {
  readonly platform?: NodeJS.Platform;
  readonly limitMs?: number;
}

/**
 * Renames a file or folder. A file at `to` is replaced.
 *
 * @throws the system's error; on Windows EBUSY with the path `from` if another program still has one of the files open after 10 seconds
 */
export async function movePath(from: string, to: string): Promise<void> {
  await retryWhileOpen(() => rename(from, to), from);
}

/** Removes a file, or a folder with everything in it, if it exists. @throws as {@link movePath} */
export async function removePath(path: string): Promise<void> {
  await retryWhileOpen(() => rm(path, { recursive: true, force: true }), path);
}

/**
 * Runs a file operation. On Windows it is repeated while it fails because another program has a file open.
 *
 * @param path the file or folder that the error names
 * @throws the operation's error; EBUSY if the time limit is reached
 */
export async function retryWhileOpen<Result>(
  operation: () => Promise<Result>,
  path: string,
  { platform = process.platform, limitMs = LIMIT_MS }: RetryOptions = {},
): Promise<Result> {
  const deadline = performance.now() + limitMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await operation();
    } catch (error) {
      if (platform !== "win32" || !OPEN_ELSEWHERE.has(systemCode(error) ?? "")) throw error;
      if (performance.now() >= deadline) throw stillOpen(path, error);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }
}

/** A system error, so that callers report it like the others. */
function stillOpen(path: string, cause: unknown): Error {
  const error = new Error(`EBUSY: another program has a file open: ${path}`, { cause });
  return Object.assign(error, { code: "EBUSY", syscall: "rename", path });
}
