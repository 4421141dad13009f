/** Frequency governor of the CPU, and CPU time taken by a hypervisor. */
import { readFileSync } from "node:fs";

/** Text of a system file; undefined if it cannot be read. */
export function systemFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** Frequency governor of the first CPU; null if the system does not report it, as on most virtual machines. */
export function clockGovernor(): string | null {
  return systemFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?.trim() ?? null;
}

/** Ticks of all CPUs since boot. */
export interface ProcessorTicks {
  readonly total: number;
  /** Steal time: ticks in which a process was ready, but the hypervisor ran another machine. */
  readonly stolen: number;
}

/** Position of `steal` in the line `cpu`. Source: proc_stat(5). */
const STEAL = 7;
/** The fields after `steal`, `guest` and `guest_nice`, are already counted in `user` and `nice`. */
const COUNTED = 8;

/** Ticks so far; undefined if the system does not report them. */
export function processorTicks(stat = systemFile("/proc/stat")): ProcessorTicks | undefined {
  const line = /^cpu\s+(.*)$/m.exec(stat ?? "")?.[1];
  if (line === undefined) return undefined;
  const ticks = line.trim().split(/\s+/).slice(0, COUNTED).map(Number);
  const stolen = ticks[STEAL];
  if (stolen === undefined || ticks.some((count) => !Number.isFinite(count))) return undefined;
  return { total: ticks.reduce((sum, count) => sum + count, 0), stolen };
}

/** Share of the CPUs' time that a hypervisor took between two readings; null if the system does not report it. */
export function stolenShare(
  before: ProcessorTicks | undefined,
  after: ProcessorTicks | undefined,
): number | null {
  if (before === undefined || after === undefined || after.total <= before.total) return null;
  return Math.max(0, after.stolen - before.stolen) / (after.total - before.total);
}
