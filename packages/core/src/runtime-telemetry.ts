/** Turns off ONNX Runtime's telemetry. */

/**
 * Turns off ONNX Runtime's telemetry, unless the user has set the variable. The builds for Linux and macOS in onnxruntime-node 1.30 record
 * events (versions, devices, counts and times of runs, an id of the machine) in the user's cache folder and send them to Microsoft, unless
 * this variable is set before the library is loaded (docs/Privacy.md of microsoft/onnxruntime).
 *
 * Call it in the main thread, because native code does not see the environment of a worker thread, which is a copy. Child processes inherit
 * the variable.
 */
export function forbidRuntimeTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
