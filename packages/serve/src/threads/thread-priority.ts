/** How much of a busy CPU a thread gets. */
import { readlinkSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * Lets other threads go first: where the CPU is busy, one of niceness 5 gets a third of what a usual one gets. On Linux alone, where
 * threads have priorities of their own; elsewhere, and where the system does not tell the thread's number, nothing changes.
 *
 * @param niceness 0 (as others) to 19 (last)
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
