/**
 * slm beside PyTorch on the processor, the same encoder-decoder in float32 and the same threads.
 *
 *   npm run build && node tools/peers/side-by-side/torch.mjs task=train [size=tiny|small|paper] [batch=16] [source=128] [answer=64]
 *   npm run build && node tools/peers/side-by-side/torch.mjs task=generate [size=...] [source=N] [answer=N]
 *
 * task=train: forward, backward, clipping and AdamW (fused there) with soft targets over the vocabulary; slm's side is
 * `tools/bench/train-step.mjs`, a process per round. task=generate: batch 1, greedy, caches written in place on both sides.
 */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { COMMON, compare, openSlm, python, randomModel, settings, startPython, times } from "./harness.mjs";
import { TORCH } from "./python-packages.mjs";
import { parametersOf, shapeOf } from "./shapes.mjs";

const setting = settings({
  ...COMMON,
  task: "train",
  size: "small",
  batch: 16,
  source: 128,
  answer: 64,
  steps: 8,
});
const { task, threads, batch, source, answer, steps } = setting;
const shape = shapeOf(setting.size);
const worker = await startPython(python(TORCH), "./torch_worker.py", { ...setting, shape });
const { version, parameters } = worker.opened;
const tokens = batch * (source + answer);

/** Medians of a few steps, in a process of its own as the benchmark is written. */
function ourSteps() {
  const script = fileURLToPath(new URL("../../bench/train-step.mjs", import.meta.url));
  const argv = Object.entries({
    ...{ vocab: shape.vocabularySize, width: shape.width, heads: shape.heads, kvHeads: shape.kvHeads },
    ...{ headDim: shape.headDim, feedForward: shape.feedForward, encoder: shape.encoderLayers },
    ...{ decoder: shape.decoderLayers, batch, source, target: answer, threads, steps },
  }).map(([key, value]) => `${key}=${value}`);
  const { medianMs } = JSON.parse(execFileSync(process.execPath, [script, ...argv], { encoding: "utf8" }));
  return { stepMs: medianMs, tokensPerSecond: (1000 * tokens) / medianMs };
}

async function theirSteps() {
  const stepMs = [];
  for (let step = 0; step < steps; step += 1) stepMs.push((await worker.ask()).stepMs);
  const median = stepMs.sort((a, b) => a - b)[stepMs.length >> 1];
  return { stepMs: median, tokensPerSecond: (1000 * tokens) / median };
}

const TASKS = {
  train: async () => [
    {
      name: "slm, compiled step",
      about: { parameters: parametersOf(shape) },
      run: () => Promise.resolve(ourSteps()),
    },
    { name: `PyTorch ${version}`, about: { parameters }, run: theirSteps, close: worker.close },
  ],
  generate: async () => [
    await openSlm("slm, float32", randomModel(shape), setting),
    {
      name: `PyTorch ${version}`,
      about: { parameters },
      run: async () => {
        const { firstTokenMs, totalMs } = await worker.ask();
        return times(firstTokenMs, totalMs, answer);
      },
      close: worker.close,
    },
  ],
};
if (!Object.hasOwn(TASKS, task))
  throw new Error(`task is one of ${Object.keys(TASKS).join(", ")}, got ${task}`);
await compare(
  `PyTorch, ${task}, ${setting.size}, ${source} tokens in, ${answer} out`,
  setting,
  await TASKS[task](),
);
