/** What the figures were measured on. */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { cpuFeatures } from "@slm/runtime";
import type { BenchDevice } from "./bench-result.js";
import { clockGovernor, systemFile } from "./machine/processor.js";
import type { MachineRates } from "./machine/rates.js";
import type { Opened } from "./timed-model.js";

/** What is known of the machine before anything runs. */
export type Machine = Pick<
  BenchDevice,
  "cpu" | "cpuFeatures" | "governor" | "cores" | "memoryBytes" | "platform" | "node" | "loadAverage"
>;

/** This machine as it is now. Call it before measuring: the load average should be the others', not the benchmark's. */
export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cpuFeatures: cpuFeatures(systemFile("/proc/cpuinfo")),
    governor: clockGovernor(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    platform: `${process.platform}-${process.arch}`,
    node: process.version,
    loadAverage: loadavg()[0] ?? 0,
  };
}

/** What was found out while models ran. */
export interface Surroundings {
  readonly engine: string;
  readonly stolenShare: number | null;
  readonly energy: string;
  readonly ratesBefore: MachineRates;
  readonly ratesAfter: MachineRates;
}

/** The machine together with what the model's process really runs on. */
export function describeDevice(
  machine: Machine,
  { provider, threads, description, simulated, fallbacks, int8 }: Opened["device"],
  { engine, stolenShare, energy, ratesBefore, ratesAfter }: Surroundings,
): BenchDevice {
  return {
    ...machine,
    ...{ threads, provider, description, simulated, fallbacks, int8, engine, stolenShare, energy },
    rates: fasterRates(ratesBefore, ratesAfter),
    ratesDiffer: Math.max(
      difference(ratesBefore.productFlops, ratesAfter.productFlops),
      difference(ratesBefore.readBytes, ratesAfter.readBytes),
    ),
  };
}

/** The roofline is the best that was seen: what slowed one of the two measurements is no limit of the machine. */
export function fasterRates(one: MachineRates, other: MachineRates): MachineRates {
  return {
    productFlops: Math.max(one.productFlops, other.productFlops),
    readBytes: Math.max(one.readBytes, other.readBytes),
  };
}

function difference(one: number, other: number): number {
  return Math.abs(one - other) / Math.max(one, other);
}
