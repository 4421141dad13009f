/** ONNX Runtime on an NPU where its binary has one; otherwise the same graphs on the CPU, called a simulation. */
import { cpus } from "node:os";
import type { Fallback, Runtime } from "@slm/runtime";
import { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
import { openOrtRuntime } from "./ort-runtime.js";
import { type SessionSettings } from "./protocol.js";

const NPU: DeviceProfiles = {
  name: "runtime-node",
  kind: "npu",
  candidates: candidatesOf("npu"),
  suggestions: ["slm doctor", "leave out --no-fallback for a simulation"],
};

/** Every profile as something that may compute. */
export const NPU_CANDIDATES = NPU.candidates;

export interface NpuRuntimeOptions {
  /** What the graphs were made for. Default: the first that computes; a simulation is then of an NPU in general. */
  readonly profile?: string | undefined;
  /** Threads of the CPU. */
  readonly threads?: number | undefined;
  /** Whether the CPU may simulate where no NPU computes. Default true; the runtime's device says so. */
  readonly fallback?: boolean | undefined;
  /** Simulate without asking for an NPU. Default false. */
  readonly simulate?: boolean | undefined;
}

/** Then nothing of a graph runs on the CPU unseen. Source: onnxruntime_session_options_config_keys.h. */
const NPU_ONLY: SessionSettings = { "session.disable_cpu_ep_fallback": "1" };

/**
 * An NPU, or a simulation. A simulation computes what the graphs say with the CPU's kernels: its answers tell the quality to
 * expect, its times tell nothing. No NPU stood behind this release.
 *
 * @throws SlmError USAGE for an unknown profile; DEVICE_UNAVAILABLE if ONNX Runtime
 * cannot be loaded, or if no NPU computes and there may be no simulation.
 */
export async function createNpuRuntime(options: NpuRuntimeOptions = {}): Promise<Runtime> {
  const { profile, threads, fallback = true, simulate = false } = options;
  const chosen = candidatesFor(NPU, profile);
  if (simulate) return simulation(profile, threads, []);
  const settings = fallback ? {} : { settings: NPU_ONLY };
  const { runtime, fallbacks } = await openProfiles(NPU, chosen, { threads, ...settings, fallback });
  return runtime ?? simulation(profile, threads, fallbacks);
}

function simulation(
  profile: string | undefined,
  threads: number | undefined,
  fallbacks: readonly Fallback[],
): Promise<Runtime> {
  const provider = profile ?? "npu";
  const description = `${provider} simulated on ${cpus()[0]?.model.trim() ?? "a CPU"}`;
  return openOrtRuntime({
    name: NPU.name,
    threads,
    providers: [{ name: "cpu" }],
    device: { provider, description, simulated: true, fallbacks },
  });
}
