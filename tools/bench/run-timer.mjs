/**
 * Loaded into every thread of a benchmark (`node --import`): where the thread that started it has left an array for them, the times of
 * ONNX Runtime's runs are written into it [ms]. The first element counts them.
 */
import { getEnvironmentData } from "node:worker_threads";

/** Under this name the array, a Float64Array over shared memory, is handed to the threads that are started. */
export const RUN_TIMES = "slm-run-times";

const times = getEnvironmentData(RUN_TIMES);
if (times !== undefined) {
  const { InferenceSession } = await import("onnxruntime-node");
  const { run } = InferenceSession.prototype;
  InferenceSession.prototype.run = async function timed(...given) {
    const began = performance.now();
    const results = await run.apply(this, given);
    times[++times[0]] = performance.now() - began;
    return results;
  };
}
