/** What the figures were measured on. */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import type { BenchDevice } from "./bench-result.js";
import type { Opened } from "./timed-model.js";

/** This machine as it is now. Call it before measuring: the load average should be the others', not the benchmark's. */
export function describeMachine(): Omit<BenchDevice, "threads" | "provider" | "simulated" | "engine"> {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** The machine together with what the model's process really runs on. */
export function describeDevice(
  machine: ReturnType<typeof describeMachine>,
  { provider, threads, simulated }: Opened["device"],
  engine: string,
): BenchDevice {
  return { ...machine, threads, provider, simulated, engine };
}
