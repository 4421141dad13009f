/** Frequency governor of the CPU, and CPU time taken by a hypervisor. */
import { readFileSync } from "node:fs";

/** Text of a file of the system; undefined where there is none. */
export function systemFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** How the first CPU chooses its clock; null where the system does not tell, as most virtual machines. */
export function clockGovernor(): string | null {
  return systemFile("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")?.trim() ?? null;
}

/** Ticks of all CPUs since the system began. */
export interface ProcessorTicks {
  readonly total: number;
  /** Steal time: ticks in which a process was ready, but the hypervisor ran another machine. */
  readonly stolen: number;
}

/** The place of `steal` among the numbers of the line `cpu`. Source: proc_stat(5). */
const STEAL = 7;
/** `guest` and `guest_nice` behind it are in `user` and `nice` already. */
const COUNTED = 8;

/** Ticks so far; undefined where the system does not tell. */
export function processorTicks(stat = systemFile("/proc/stat")): ProcessorTicks | undefined {
  const line = /^cpu\s+(.*)$/m.exec(stat ?? "")?.[1];
  if (line === undefined) return undefined;
  const ticks = line.trim().split(/\s+/).slice(0, COUNTED).map(Number);
  const stolen = ticks[STEAL];
  if (stolen === undefined || ticks.some((count) => !Number.isFinite(count))) return undefined;
  return { total: ticks.reduce((sum, count) => sum + count, 0), stolen };
}

/** Share of the CPUs' time that a hypervisor took between two moments; null where the system does not tell. */
export function stolenShare(
  before: ProcessorTicks | undefined,
  after: ProcessorTicks | undefined,
): number | null {
  if (before === undefined || after === undefined || after.total <= before.total) return null;
  return Math.max(0, after.stolen - before.stolen) / (after.total - before.total);
}
