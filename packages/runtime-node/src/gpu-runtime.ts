/** ONNX Runtime on a GPU, by whichever execution provider this machine has. */
import type { Runtime } from "@slm/runtime";
import { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
import { openOrtRuntime } from "./ort-runtime.js";

const GPU: DeviceProfiles = {
  name: "runtime-node",
  kind: "gpu",
  candidates: candidatesOf("gpu"),
  suggestions: ["slm doctor", "--device cpu"],
};

/** Every profile as something that may compute, the fastest first. */
export const GPU_CANDIDATES = GPU.candidates;

export interface GpuRuntimeOptions {
  /** Default: the first that computes. */
  readonly profile?: string | undefined;
  /** Threads of the CPU, for what the GPU has no operator for and for a fallback. */
  readonly threads?: number | undefined;
  /** Whether the CPU may do the work where no GPU can. Default true; the runtime's device says so. */
  readonly fallback?: boolean | undefined;
}

/**
 * A GPU, or the CPU with the reasons why no GPU computes. ONNX Runtime computes single operators that a provider lacks on the
 * CPU in either case. No GPU stood behind this release: `description` and `slm doctor` tell what is really used.
 *
 * @throws SlmError USAGE for an unknown profile; DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, or if no GPU computes and the
 * CPU may not.
 */
export async function createGpuRuntime(options: GpuRuntimeOptions = {}): Promise<Runtime> {
  const { profile, threads, fallback = true } = options;
  const { runtime, fallbacks } = await openProfiles(GPU, candidatesFor(GPU, profile), { threads, fallback });
  if (runtime !== undefined) return runtime;
  return openOrtRuntime({
    name: GPU.name,
    threads,
    providers: [{ name: "cpu" }],
    device: { provider: "cpu", fallbacks },
  });
}
