/** Reads the peak resident memory of this process. */
import { readFile } from "node:fs/promises";

/**
 * Peak resident set of this process since its start [bytes].
 *
 * On Linux this is VmHWM, not `getrusage`: there `ru_maxrss` survives `exec`, so a process just forked by a large
 * parent reports the parent's memory as its own peak. Other systems have only `getrusage`.
 */
export async function peakMemoryBytes(): Promise<number> {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS * 1024;
  const status = await readFile("/proc/self/status", "utf8");
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
  if (kibibytes === undefined) throw new Error("/proc/self/status has no VmHWM line");
  return Number(kibibytes) * 1024;
}
