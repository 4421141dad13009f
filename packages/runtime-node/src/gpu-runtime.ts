/** ONNX Runtime on a GPU: a plug-in that the user has added, or whichever execution provider onnxruntime-node has here. */
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

/** The C interface is loaded when a GPU is asked for: most programs never need it. */
const openPlugin: OpenPlugin = async (device) =>
  (await import("@slm/runtime-native")).openPluginRuntime(device);

export interface GpuRuntimeOptions {
  /** Default: the first that works. */
  readonly profile?: string | undefined;
  /** CPU threads, for operators that the GPU provider lacks and for a fallback. */
  readonly threads?: number | undefined;
  /** Whether to fall back to the CPU if no GPU works. Default true; the runtime's `device` lists the fallbacks. */
  readonly fallback?: boolean | undefined;
  /** Whether the GPU must compute every node of a graph, which is rejected otherwise. Default false: the CPU computes what the GPU's provider lacks. */
  readonly whole?: boolean | undefined;
  /**
   * Whether software that stands in for a GPU may compute; the runtime's `device` is then `simulated`. Default: if a profile is
   * named.
   */
  readonly software?: boolean | undefined;
}

/**
 * A GPU, or the CPU with the reasons why no GPU works. Each profile is tried through its plug-in first: a plug-in that fails or lists no
 * device is one of the reasons. In either case ONNX Runtime computes operators that a provider lacks on the CPU. This release ran on
 * software adapters of WebGPU and on no GPU: `description` and `slm doctor` report the device that is really used.
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
