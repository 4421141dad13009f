/**
 * Moves and removes files and folders. On Windows both fail while another program has a file open: a reader, a virus scanner, an indexer.
 * That usually lasts milliseconds, so they are repeated until a time limit.
 */
import { mkdtemp, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../errors/file-error.js";

/** Codes that Windows reports for files that are open elsewhere, and for a folder with such a file. */
const OPEN_ELSEWHERE: ReadonlySet<string> = new Set(["EPERM", "EACCES", "EBUSY", "ENOTEMPTY"]);

/** How long to repeat an operation, and the first and longest pause [ms]. */
const LIMIT_MS = 10_000;
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 500;

interface OpenOptions {
  readonly platform?: NodeJS.Platform;
  readonly limitMs?: number;
  /** Whether this process can create files in a folder. */
  readonly isWritable?: (folder: string) => Promise<boolean>;
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
  { limitMs, ...options }: OpenOptions = {},
): Promise<Result> {
  return retryWhile(operation, {
    limitMs,
    isTemporary: (error) => isOpenElsewhere(error, path, options),
    whenLate: (error) => stillOpen(path, error),
  });
}

/**
 * Whether Windows failed because another program has a file open. In a folder without write permission it reports the same codes, which
 * are then final.
 */
export async function isOpenElsewhere(
  error: unknown,
  path: string,
  { platform = process.platform, isWritable = canWriteIn }: Omit<OpenOptions, "limitMs"> = {},
): Promise<boolean> {
  if (platform !== "win32" || !OPEN_ELSEWHERE.has(systemCode(error) ?? "")) return false;
  return isWritable(dirname(path));
}

/** Creates and removes a folder, because permissions on Windows are not in a file's mode. */
async function canWriteIn(folder: string): Promise<boolean> {
  try {
    await rmdir(await mkdtemp(join(folder, ".slm-")));
    return true;
  } catch {
    return false;
  }
}

interface RetryOptions {
  readonly isTemporary: (error: unknown) => boolean | Promise<boolean>;
  /** The error to throw at the time limit; by default the last one. */
  readonly whenLate?: (error: unknown) => unknown;
  readonly limitMs?: number | undefined;
}

/** Repeats an operation while its errors are temporary, with random pauses, until a time limit. */
export async function retryWhile<Result>(
  operation: () => Promise<Result>,
  { isTemporary, whenLate = (error) => error, limitMs = LIMIT_MS }: RetryOptions,
): Promise<Result> {
  const deadline = performance.now() + limitMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    try {
      return await operation();
    } catch (error) {
      if (!(await isTemporary(error))) throw error;
      if (performance.now() >= deadline) throw whenLate(error);
      // Random, so that processes that wait for each other do not retry at the same time.
      const wait = pause * (0.5 + Math.random() / 2);
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
}

/** A system error, so that callers report it like the others. */
function stillOpen(path: string, cause: unknown): Error {
  const error = new Error(`EBUSY: another program has a file open: ${path}`, { cause });
  return Object.assign(error, { code: "EBUSY", syscall: "rename", path });
}
