/** Keeps ONNX Runtime from telling its makers what it does. */

/**
 * Forbids ONNX Runtime's telemetry. Its builds for Linux and macOS, which onnxruntime-node 1.30 brings, record events (versions, devices,
 * counts and times of runs, an id of the machine) below the user's cache folder and send them to Microsoft unless this variable is set
 * before the library is loaded (docs/Privacy.md of microsoft/onnxruntime). A value that the user has set stays.
 *
 * Call it in the main thread: the environment of a worker thread is a copy that native code does not see. Child processes inherit it.
 */
export function forbidRuntimeTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
}
