/** ONNX Runtime on a GPU, by whichever execution provider this machine has. */
import type { Runtime } from "@slm/runtime";
import { candidatesFor, candidatesOf, openProfiles, type DeviceProfiles } from "./device-profiles.js";
import { openOrtRuntime } from "./ort-runtime.js";
import { type Candidate } from "./open-first.js";

/**
 * ONNX Runtime's provider of each profile of target gpu, the fastest first.
 *
 * Source: onnxruntime-common 1.30, inference-session.d.ts; coreml_provider_factory.h for the flags.
 */
const PROVIDERS: Readonly<Record<string, Omit<Candidate, "device">>> = {
  cuda: { provider: { name: "cuda" }, needs: "an NVIDIA GPU, CUDA 12 and cuDNN 9" },
  directml: { provider: { name: "dml" }, needs: "Windows and a DirectX 12 device" },
  // COREML_FLAG_CREATE_MLPROGRAM and COREML_FLAG_USE_CPU_AND_GPU.
  coreml: { provider: { name: "coreml", coreMlFlags: 0x010 | 0x020 }, needs: "macOS" },
  webgpu: { provider: { name: "webgpu" }, needs: "a GPU with Vulkan, Metal or Direct3D 12" },
};

const GPU: DeviceProfiles = {
  name: "runtime-gpu",
  kind: "gpu",
  candidates: candidatesOf("gpu", PROVIDERS),
  suggestions: ["slm doctor", "--device cpu"],
};

/** Every profile as something that may compute, the fastest first. */
export const GPU_CANDIDATES = GPU.candidates;

export interface GpuRuntimeOptions {
  /** Default: the first that computes. */
  readonly profile?: string | undefined;
  /** Threads of the processor, for what the GPU has no operator for and for a fallback. */
  readonly threads?: number | undefined;
  /** Whether the processor may do the work where no GPU can. Default true; the runtime's device says so. */
  readonly fallback?: boolean | undefined;
}

/**
 * A GPU, or the processor with the reasons why no GPU computes. ONNX Runtime computes single operators that a provider lacks on the
 * processor in either case. No GPU stood behind this release: `description` and `slm doctor` tell what is really used.
 *
 * @throws SlmError USAGE for an unknown profile; DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, or if no GPU computes and the
 * processor may not.
 */
export async function createGpuRuntime(options: GpuRuntimeOptions = {}): Promise<Runtime> {
  const { profile, threads, fallback = true } = options;
  const { runtime, fallbacks } = await openProfiles(GPU, candidatesFor(GPU, profile), { threads, fallback });
  if (runtime !== undefined) return runtime;
  return openOrtRuntime({
    ...{ name: GPU.name, threads },
    providers: [{ name: "cpu" }],
    device: { provider: "cpu", fallbacks },
  });
}
