/** Loads ONNX Runtime on demand, with a helpful error if its native library is missing. */
import { isMainThread } from "node:worker_threads";
import { forbidRuntimeTelemetry, SlmError, REINSTALL } from "@slm/core";
import type * as Ort from "onnxruntime-node";

/** The part of onnxruntime-node that this package uses. */
export type OrtBinding = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env" | "listSupportedBackends">;

/** The message of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Imports onnxruntime-node and keeps it from printing: its errors arrive as exceptions.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the package or its native library cannot be loaded.
 */
export async function loadBinding(
  importBinding: () => Promise<OrtBinding> = () => import("onnxruntime-node"),
): Promise<OrtBinding> {
  forbidRuntimeTelemetry();
  await quietLibraries();
  try {
    const binding = await importBinding();
    binding.env.logLevel = "fatal";
    return binding;
  } catch (cause) {
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `runtime-node: cannot load onnxruntime-node: ${messageOf(cause)}`,
      {
        cause,
        suggestions: [REINSTALL],
      },
    );
  }
}

/**
 * On Windows ONNX Runtime prints to standard error while it looks for graphics devices. If that cannot be prevented, it prints. Worker threads
 * do nothing: standard error belongs to the process, and two threads that redirect it at once could close the handle that Node.js uses.
 */
export async function quietLibraries(): Promise<void> {
  if (process.platform !== "win32" || !isMainThread) return;
  try {
    (await import("@slm/runtime-native/quiet-stderr")).quietNativeStderr();
  } catch {
    // koffi does not load on this machine. Running a model does not need it.
  }
}
