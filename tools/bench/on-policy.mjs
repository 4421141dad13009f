/**
 * What targets sampled by the student cost, beside a training step at the quick start's sizes.
 *
 *   npm run build && node tools/bench/on-policy.mjs [key=value ...]
 *
 * Prints one JSON line, medians in milliseconds, all measured in turn in one loop:
 *   stepMs            a step on gold targets (forward, backward, optimizer)
 *   sampleMs          drawing targets from the current weights
 *   stepTwoPassesMs   a step whose labels stay gold: a second decoder pass
 *   scoreMs           the quick start's teacher's distributions over the drawn targets
 *   sampleRatio       sampleMs / stepMs
 *   onPolicyMs        sampleMs + stepTwoPassesMs + scoreMs
 */
import { join } from "node:path";
import { createRandom } from "@slm/decoding";
import { initializeWeights, parameterCount } from "@slm/model";
import { createCpuRuntime } from "@slm/runtime-node";
import { createHostTensor } from "@slm/runtime";
import { loadTeachers } from "@slm/teacher";
import { createOnnxEngine } from "@slm/tensor";
import {
  createOnPolicySampler,
  modelPass,
  planChunks,
  planRun,
  stepScalars,
  trainingSettings,
  trainProgram,
  uploadState,
  valueInput,
} from "@slm/training";
import { benchmarkModel } from "../scripts/lib/train-step.mjs";
import { lossConfig } from "../../packages/distillation/dist/loss-config.js";
import { studentLoss } from "../../packages/distillation/dist/student-loss.js";

const options = {
  vocab: 70,
  width: 96,
  heads: 4,
  headDim: 24,
  feedForward: 384,
  encoder: 3,
  decoder: 2,
  batch: 64,
  source: 8,
  target: 9,
  topK: 128,
  threads: 2,
  steps: 60,
};
for (const argument of process.argv.slice(2)) {
  const [key, value] = argument.split("=");
  if (!(key in options)) throw new Error(`unknown option ${key}; known: ${Object.keys(options).join(", ")}`);
  options[key] = Number(value);
}
const { batch, source, target, vocab } = options;
const shape = { batch, source, target };
const config = benchmarkModel({ ...options, kvHeads: options.heads, bias: 0 });
const settings = trainingSettings.parse({ steps: options.steps, warmupSteps: 0 });
const random = createRandom(1).next;
const runtime = await createCpuRuntime({ threads: options.threads });
const engine = createOnnxEngine(runtime);
const plan = planRun(config);
const state = await uploadState(engine, plan, settings, initializeWeights(config, random));
const weights = Object.fromEntries(
  planChunks(config).map((chunk) => [valueInput(chunk), state.feeds[valueInput(chunk)]]),
);

const lossOptions = {
  config,
  loss: lossConfig.parse({}),
};
const programs = {};
for (const variant of ["shared", "separate"]) {
  const definition = studentLoss(lossOptions, shape, variant);
  const program = await engine.compile(trainProgram(variant, plan, definition, settings));
  programs[variant] = { program, inputs: Object.keys(definition.inputs) };
}
const live = { engine, config, feeds: weights };
const sampler = await createOnPolicySampler(
  live,
  { rows: batch, source, target: target - 1 },
  { temperature: 0.9, topK: options.topK },
);
const teacher = await loadTeachers(engine, join(import.meta.dirname, "../../configs/quickstart/teacher"));

const token = () => 4 + Math.floor(random() * (vocab - 4));
const tokens = (longest) =>
  Int32Array.from({ length: Math.max(1, longest - Math.floor(random() * 4)) }, token);
const sources = Array.from({ length: batch }, () => tokens(source));
const targets = Array.from({ length: batch }, () => tokens(target - 1));
const pass = modelPass(config, shape);
const logits = createHostTensor(
  "float32",
  [batch * target, vocab],
  Float32Array.from({ length: batch * target * vocab }, () => random() - 0.5),
);

async function step(number, variant, distilled) {
  const { program, inputs } = programs[variant];
  const given = {
    ...pass.sharedFeeds(sources),
    ...pass.passFeeds("distill", sources, distilled).feeds,
    ...pass.passFeeds("gold", sources, targets).feeds,
    teacher: logits,
  };
  const feeds = { ...state.feeds, ...Object.fromEntries(inputs.map((name) => [name, given[name]])) };
  for (const [name, value] of Object.entries(stepScalars(number, settings)))
    feeds[name] = createHostTensor("float32", [], Float32Array.of(value));
  await program.run({ feeds, fetch: ["loss"], into: state.into });
}

const times = { step: [], sample: [], stepTwoPasses: [], score: [] };
async function timed(name, work) {
  const start = performance.now();
  const result = await work();
  times[name].push(performance.now() - start);
  return result;
}
for (let number = 1; number <= options.steps; number++) {
  await timed("step", () => step(number, "shared", targets));
  const sampled = await timed("sample", () => sampler.sample(weights, sources, random));
  await timed("stepTwoPasses", () => step(number, "separate", sampled));
  const known = sampled.map((list) => list.map((id) => id % teacher.config.vocabularySize));
  const pairs = known.map((list, row) => ({ source: sources[row], target: list }));
  const scored = await timed("score", () => teacher.score(pairs, shape));
  await engine.release([scored]);
}
const median = (name) => {
  const sorted = times[name].slice(5).sort((a, b) => a - b);
  return sorted[sorted.length >> 1];
};
const rounded = (value, digits = 2) => Number(value.toFixed(digits));
const [stepMs, sampleMs, stepTwoPassesMs, scoreMs] = ["step", "sample", "stepTwoPasses", "score"].map(median);
console.log(
  JSON.stringify({
    parameters: parameterCount(config),
    stepMs: rounded(stepMs),
    sampleMs: rounded(sampleMs),
    stepTwoPassesMs: rounded(stepTwoPassesMs),
    scoreMs: rounded(scoreMs),
    sampleRatio: rounded(sampleMs / stepMs, 3),
    onPolicyMs: rounded(sampleMs + stepTwoPassesMs + scoreMs),
  }),
);
await runtime.close();
