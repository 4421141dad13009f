/** Lowers the priority of a thread on a busy CPU. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * Lets other threads go first: on a busy CPU a thread of niceness 5 gets a third of the time of a normal thread. Linux only, because
 * threads have their own priorities there. Nothing changes on other systems, or if the thread's number is unknown.
 *
 * @param niceness 0 (normal) to 19 (lowest priority)
 * @returns the number of the thread, if its priority was changed
 */
export function letOthersGoFirst(niceness: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const thread = ownThread();
  // Source: setpriority(2), "C library/kernel differences": the number of a thread names that thread alone.
  if (thread !== undefined) setPriority(thread, niceness);
  return thread;
}

/** The system's number of the calling thread. Source: proc_thread-self(5). */
function ownThread(): number | undefined {
  try {
    return Number(/\/task\/(\d+)$/u.exec(readlinkSync("/proc/thread-self"))?.[1] ?? Number.NaN) || undefined;
  } catch (error) {
    // A container without /proc.
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
}
