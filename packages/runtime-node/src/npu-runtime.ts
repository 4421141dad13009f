/**
 *
 * An NPU through a plug-in that the user has added, or through ONNX Runtime's own binary. Otherwise the same graphs run on the CPU, reported as a
 * simulation.
 */
import { cpus } from "node:os";
import { ALL_DEVICES } from "@slm/devices";
import type { Fallback, Runtime } from "@slm/runtime";
import { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
import { openOrtRuntime } from "./ort-runtime.js";
import { WHOLE_GRAPH } from "@slm/runtime/host";

const NPU: DeviceProfiles = {
  name: "runtime-node",
  kind: "npu",
  candidates: candidatesOf("npu"),
  suggestions: ["slm doctor", "remove --no-fallback to simulate"],
};

/** Every NPU profile as a candidate. */
export const NPU_CANDIDATES = NPU.candidates;

export interface NpuRuntimeOptions {
  /** Profile that the graphs were exported for. Default: the first that works; a simulation then names no specific NPU. */
  readonly profile?: string | undefined;
  /** The chip to simulate, if the vendor's library can simulate. Default: the profile's first. */
  readonly soc?: string | undefined;
  /** CPU threads. */
  readonly threads?: number | undefined;
  /** Whether the CPU may simulate if no NPU works. Default true; the runtime's `device` is then `simulated`. */
  readonly fallback?: boolean | undefined;
  /** Simulate without trying an NPU. Default false. */
  readonly simulate?: boolean | undefined;
}

/**
 * Opens an NPU or a simulation. With a plug-in for the profile, the vendor's library computes, on the NPU or in the vendor's simulator. Otherwise the
 * graphs run with CPU kernels. A simulation shows the quality to expect; its times mean nothing. This release was not tested on a real NPU.
 *
 * @throws SlmError USAGE for an unknown profile; DEVICE_UNAVAILABLE if ONNX Runtime
 * cannot be loaded, if a plug-in does not work, or if no NPU works and simulation is not allowed.
 */
export async function createNpuRuntime(options: NpuRuntimeOptions = {}): Promise<Runtime> {
  const { profile, soc, threads, fallback = true, simulate = false } = options;
  const chosen = candidatesFor(NPU, profile);
  if (simulate) return simulation(profile, threads, []);
  // Loaded on demand, because most programs never need the C interface.
  const { openPluginRuntime } = await import("@slm/runtime-native");
  for (const { target, profile: own } of ALL_DEVICES) {
    if (target !== "npu" || (profile !== undefined && own !== profile)) continue;
    const plugged = await openPluginRuntime({ target, profile: own, soc, threads });
    if (plugged !== undefined) return plugged;
  }
  const settings = fallback ? {} : { settings: WHOLE_GRAPH };
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
