/**
 * The same training steps on ONNX Runtime and on libtensorflow: how far their losses are apart, and their times.
 *
 *   npm run build && node tools/interop/reference/tfjs-node/train-step.mjs [key=value ...]
 *
 * Keys and defaults are those of `tools/bench/train-step.mjs`. Threads: ONNX Runtime's are `threads`, TensorFlow's as many through its
 * environment. Prints one JSON line; fails where a loss differs by more than 1e-4 of its size.
 */
import { loadavg } from "node:os";
import { parameterCount } from "@slm/model";
import { createCpuRuntime } from "@slm/runtime-node";
import { createEagerEngine, createOnnxEngine } from "@slm/tensor";
import { medianOf, STEP_DEFAULTS, takeSteps, trainStep } from "../../../scripts/lib/train-step.mjs";
import { settings } from "../side-by-side/harness.mjs";

/** Of a step's loss, relative: both compute in float32, in orders of their own. */
const TOLERANCE = 1e-4;

const options = settings({ ...STEP_DEFAULTS, steps: 6, threads: 2 });
// Read when the library is loaded.
process.env.TF_NUM_INTRAOP_THREADS = String(options.threads);
process.env.TF_NUM_INTEROP_THREADS = "1";
process.env.TF_CPP_MIN_LOG_LEVEL = "2";
await import("./register.mjs");

const step = trainStep(options);
const load = loadavg()[0];
const runtime = await createCpuRuntime({ threads: options.threads });
const onnx = await takeSteps(createOnnxEngine(runtime), step);
await runtime.close();
const tensorflow = await takeSteps(await createEagerEngine("tensorflow"), step);

const apart = Math.max(...onnx.losses.map((loss, at) => Math.abs(tensorflow.losses[at] - loss) / loss));
const report = ({ times, losses }) => ({ medianMs: medianOf(times), losses });
console.log(
  JSON.stringify({
    parameters: parameterCount(step.config),
    options,
    loadAverage: load,
    onnx: report(onnx),
    tensorflow: report(tensorflow),
    slowdown: medianOf(tensorflow.times) / medianOf(onnx.times),
    largestRelativeDifference: apart,
  }),
);
if (!(apart <= TOLERANCE)) {
  console.error(`losses are ${apart} apart, allowed are ${TOLERANCE}`);
  process.exitCode = 1;
}
