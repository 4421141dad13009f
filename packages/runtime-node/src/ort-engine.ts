/** ONNX Runtime, loaded on demand: a machine without its native library gets an error it can act on. */
import { SlmError } from "@slm/core";
import type * as Ort from "onnxruntime-node";

/** The part of onnxruntime-node this package uses. */
export type OrtEngine = Pick<typeof Ort, "InferenceSession" | "Tensor" | "env" | "listSupportedBackends">;

/** Text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Imports onnxruntime-node and keeps it from printing: its errors arrive as exceptions.
 *
 * @throws SlmError DEVICE_UNAVAILABLE if the package or its native library cannot be loaded.
 */
export async function loadEngine(
  importEngine: () => Promise<OrtEngine> = () => import("onnxruntime-node"),
): Promise<OrtEngine> {
  try {
    const engine = await importEngine();
    engine.env.logLevel = "fatal";
    return engine;
  } catch (cause) {
    throw new SlmError(
      "DEVICE_UNAVAILABLE",
      `runtime-cpu: cannot load onnxruntime-node: ${messageOf(cause)}`,
      {
        cause,
        suggestions: ["npm ci"],
      },
    );
  }
}
