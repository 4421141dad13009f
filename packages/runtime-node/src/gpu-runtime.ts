/** ONNX Runtime on a GPU: through a plug-in that the user has added, or through an execution provider of onnxruntime-node. */
import type { Runtime } from "@slm/runtime";
import { WHOLE_GRAPH } from "@slm/runtime/host";
import { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
import type { OpenPlugin } from "./open-first.js";
import { openOrtRuntime } from "./ort-runtime.js";

const GPU: DeviceProfiles = {
  name: "runtime-node",
  kind: "gpu",
  candidates: candidatesOf("gpu"),
  suggestions: ["slm doctor", "--device cpu"],
};

/** Every GPU profile as a candidate, the fastest first. */
export const GPU_CANDIDATES = GPU.candidates;

/** The C interface is loaded only if a GPU is requested, because most programs never need it. */
const openPlugin: OpenPlugin = async (device) =>
  (await import("@slm/runtime-native")).openPluginRuntime(device);

export interface GpuRuntimeOptions {
  /** Default: the first profile that works. */
  readonly profile?: string | undefined;
  /** CPU threads, for operators that the GPU provider lacks and for a fallback. */
  readonly threads?: number | undefined;
  /** Whether to fall back to the CPU if no GPU works. Default true; the runtime's `device` lists the fallbacks. */
  readonly fallback?: boolean | undefined;
  /**
   * Whether the GPU must compute every node of a graph; other graphs are rejected. Default false: the CPU computes the operators that the GPU
   * provider lacks.
   */
  readonly whole?: boolean | undefined;
  /** Whether software may compute instead of a GPU. The runtime's `device` is then `simulated`. Default: only if a profile is named. */
  readonly software?: boolean | undefined;
}

/**
 * Opens a GPU, or the CPU with the reasons why no GPU works. Each profile is tried through its plug-in first. If the plug-in fails or lists no
 * device, that is one of the reasons. ONNX Runtime computes operators that the provider lacks on the CPU. This release was tested only with software
 * adapters of WebGPU, not on a GPU. `description` and `slm doctor` report the device that is really used.
 *
 * @throws SlmError USAGE for an unknown profile; DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, or if no GPU works and
 * `fallback` is false.
 */
export async function createGpuRuntime(
  options: GpuRuntimeOptions = {},
  plugin: OpenPlugin = openPlugin,
): Promise<Runtime> {
  const { profile, threads, fallback = true, whole = false, software = profile !== undefined } = options;
  const { runtime, fallbacks } = await openProfiles(GPU, candidatesFor(GPU, profile), {
    threads,
    fallback,
    software,
    plugin: (request) => plugin({ ...request, whole }),
    ...(whole ? { settings: WHOLE_GRAPH } : {}),
  });
  if (runtime !== undefined) return runtime;
  return openOrtRuntime({
    name: GPU.name,
    threads,
    providers: [{ name: "cpu" }],
    device: { provider: "cpu", fallbacks },
  });
}
