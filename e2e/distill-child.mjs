/**
 * A tiny distillation on ONNX Runtime in a separate process, so that a test can kill it: `node distill-child.mjs DATA TOKENIZER TEACHER
 * WORK`. Prints a line for every step it reports. It runs the built packages, as the command line does. Needs `npm run build`.
 */
import { distill, distillConfig } from "@slm/distillation";
import { createCpuRuntime } from "@slm/runtime-node";
import { createOnnxEngine } from "@slm/tensor";

const [dataDirectory, tokenizerDirectory, teacherDirectory, workDirectory] = process.argv.slice(2);

const runtime = await createCpuRuntime({ inThread: true, threads: 2 });
const settings = distillConfig.parse({
  student: {
    width: 16,
    heads: 2,
    kvHeads: 1,
    headDim: 8,
    feedForward: 32,
    encoderLayers: 1,
    decoderLayers: 1,
    maxSource: 8,
    maxTarget: 8,
  },
  steps: 240,
  batchSize: 8,
  warmupSteps: 20,
  buckets: 2,
  evaluateEvery: 7,
  evaluateRows: 8,
  metrics: ["wer", "per"],
  // Everything that a saved state must restore.
  optimizer: "muon",
  schedule: "wsd",
  gradientAccumulationSteps: 2,
  dropout: 0.1,
  emaDecay: 0.9,
  checkpointAveraging: 2,
  targets: { onPolicyFraction: 0.2 },
});
await distill(settings, {
  dataDirectory,
  tokenizerDirectory,
  teacherDirectory,
  workDirectory,
  engine: createOnnxEngine(runtime),
  context: {
    progress: ({ step }) => step !== undefined && process.stdout.write(`step ${step}\n`),
    signal: new AbortController().signal,
    seed: 11,
  },
});
await runtime.close();
