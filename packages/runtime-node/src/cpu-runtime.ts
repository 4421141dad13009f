import type { Runtime } from "@slm/runtime";
import { openOrtRuntime, type OrtRuntimeOptions } from "./ort-runtime.js";

export type CpuRuntimeOptions = Pick<OrtRuntimeOptions, "threads" | "inThread">;

/**
 * ONNX Runtime on this machine's CPU; see {@link openOrtRuntime}.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if ONNX Runtime cannot be loaded, USAGE if `threads` is not a positive integer.
 */
export function createCpuRuntime(options: CpuRuntimeOptions = {}): Promise<Runtime> {
  return openOrtRuntime({
    ...options,
    name: "runtime-node",
    providers: [{ name: "cpu" }],
    device: { provider: "cpu" },
  });
}
