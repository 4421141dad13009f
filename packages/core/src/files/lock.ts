/**
 * A lock per directory, so that only one process writes it at a time.
 *
 * It uses three paths next to directory `X`: `X.lock` (a proper-lockfile lock, refreshed while its process lives), `X.lock.json` (its
 * holder) and, while a process takes the lock, `X.lock.guard`. The guard makes checking for a dead holder and taking its lock one atomic
 * step, so two processes cannot both take over the lock of a dead holder.
 */
import { rmdir } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, resolve } from "node:path";
import { SlmError } from "../errors/slm-error.js";
import { lock as acquire } from "proper-lockfile";
import { z } from "zod";
import { writeJsonAtomic } from "./atomic-write.js";
import { systemCode, writeFailure } from "../errors/file-error.js";
import { makeFolder } from "./make-folder.js";
import { isOpenElsewhere, removePath, retryWhile, retryWhileOpen } from "./move-and-remove.js";
import { readJsonFile } from "./read-json.js";

/** A holder on another machine counts as dead if it has not refreshed its lock for this long. */
const STALE_MS = 5 * 60_000;
/** The guard is held only for a few file operations. */
const GUARD_STALE_MS = 5_000;

const holderSchema = z.strictObject({ pid: z.int().positive(), host: z.string(), since: z.string() });
type Holder = z.infer<typeof holderSchema>;

/**
 * Runs `body` with the lock of `directory`. Takes over the lock of a dead process.
 *
 * @param body gets a signal that aborts if the lock is lost, for example after the machine slept
 * @throws SlmError BUSY if another run uses the directory, OUTPUT_FAILED if its parent cannot be written
 */
export async function withLock<Result>(
  directory: string,
  body: (lost: AbortSignal) => Promise<Result>,
): Promise<Result> {
  const target = resolve(directory);
  const lost = new AbortController();
  const release = await takeLock(target, (cause) => {
    lost.abort(new SlmError("BUSY", `${target}: the lock of this run was lost: ${cause.message}`, { cause }));
  });
  try {
    const result = await body(lost.signal);
    lost.signal.throwIfAborted();
    return result;
  } finally {
    if (!lost.signal.aborted) {
      await removePath(holderPath(target));
      // On Windows another program may have the lock's folder open; proper-lockfile has released it and does not try again.
      await release().catch(() => removePath(lockPath(target)));
    }
  }
}

const lockPath = (target: string): string => `${target}.lock`;
const holderPath = (target: string): string => `${target}.lock.json`;

async function takeLock(target: string, onLost: (cause: Error) => void): Promise<() => Promise<void>> {
  try {
    await makeFolder(dirname(target));
    const releaseGuard = await takeGuard(target, onLost);
    try {
      return await takeGuarded(target, onLost);
    } finally {
      await releaseGuard();
    }
  } catch (error) {
    if (systemCode(error) === "ELOCKED") throw await busy(target, error);
    throw writeFailure(error, lockPath(target), "no files were changed");
  }
}

/** Waits only for another process. proper-lockfile's own retries would also repeat other errors, such as a missing permission. */
async function takeGuard(target: string, onLost: (cause: Error) => void): Promise<() => Promise<void>> {
  const lockfilePath = `${target}.lock.guard`;
  return retryWhile(
    () => acquire(target, { realpath: false, lockfilePath, stale: GUARD_STALE_MS, onCompromised: onLost }),
    { isTemporary: (error) => systemCode(error) === "ELOCKED" || isOpenElsewhere(error, lockfilePath) },
  );
}

async function takeGuarded(target: string, onLost: (cause: Error) => void): Promise<() => Promise<void>> {
  const holder = await readHolder(target);
  if (holder !== undefined && isDead(holder)) {
    await retryWhileOpen(() => rmdir(lockPath(target)), lockPath(target)).catch((error: unknown) => {
      if (systemCode(error) !== "ENOENT") throw error;
    });
  }
  // The lock's own key differs from the guard's, because proper-lockfile keeps one lock per key and process.
  const release = await acquire(lockPath(target), {
    realpath: false,
    lockfilePath: lockPath(target),
    stale: STALE_MS,
    onCompromised: onLost,
  });
  try {
    const self: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    await writeJsonAtomic(holderPath(target), self);
  } catch (error) {
    await release();
    throw error;
  }
  return release;
}

/** The recorded holder; undefined without a record, or if a crash made it unreadable. */
async function readHolder(target: string): Promise<Holder | undefined> {
  try {
    return await readJsonFile(holderPath(target), holderSchema, { limitBytes: 4096 });
  } catch (error) {
    if (error instanceof SlmError) return undefined;
    throw error;
  }
}

function isDead(holder: Holder): boolean {
  if (holder.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0); // Signal 0 only checks whether the process exists.
    return false;
  } catch (error) {
    return systemCode(error) === "ESRCH";
  }
}

async function busy(target: string, cause: unknown): Promise<SlmError> {
  const holder = await readHolder(target);
  const who =
    holder === undefined
      ? "another process"
      : `process ${holder.pid} on ${holder.host} since ${holder.since}`;
  return new SlmError("BUSY", `${target} is in use by ${who}`, {
    context: { directory: target, ...holder },
    suggestions: ["wait until that run ends", "choose another directory with --out"],
    cause,
  });
}
