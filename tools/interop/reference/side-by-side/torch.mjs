/**
 * Compares a training step of slm with PyTorch: the same encoder-decoder, weights and inputs, threads and device.
 *
 *   npm run build && node tools/interop/reference/side-by-side/torch.mjs [size=tiny|small|30m|paper|1b] [batch=16] [source=128] [answer=64]
 *     [device=cpu|gpu:cuda|gpu:webgpu] [precision=float32|float16|bfloat16] [peerDevice=cpu|cuda] [peerDtype=float32|bfloat16]
 *
 * A step is forward, backward, clipping and AdamW (fused in PyTorch) with soft targets over the vocabulary. slm runs
 * `tools/bench/train-step.mjs` in a new process per round. The losses of the first steps must agree. PyTorch runs eager and with
 * torch.compile, which needs a C++ compiler; `compile=0` skips the latter. Its compilation is part of the warm-up. device and precision (of
 * products) are for slm, peerDevice and peerDtype for PyTorch; peerDtype=bfloat16 uses autocast. SLM_PEER_PYTHON is an interpreter with
 * torch and safetensors; by default one is installed.
 */
import { OPTIMIZER } from "@slm/training";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeSafetensors } from "@slm/checkpoints";
import { learningRateAt } from "@slm/training";
import { medianOf, STEP_DEFAULTS, trainStep } from "../../../bench/lib/train-step.mjs";
import { COMMON, compare, python, settings, startPython } from "./harness.mjs";
import { TORCH } from "./python-packages.mjs";
import { parametersOf, shapeOf } from "./shapes.mjs";

/** Largest difference of losses with the same weights and batch: at the first step, and after both sides' own updates. */
/** @type {Readonly<Record<string, { first: number, later: number }>>} */
const LOSS_TOLERANCES = {
  float32: { first: 1e-4, later: 1e-3 },
  float16: { first: 1e-2, later: 3e-2 },
  bfloat16: { first: 1e-2, later: 3e-2 },
};

const setting = settings({
  ...COMMON,
  size: "small",
  batch: 16,
  source: 128,
  answer: 64,
  steps: 8,
  compile: 1,
  device: "cpu",
  peerDevice: "cpu",
  peerDtype: "float32",
  precision: "float32",
});
const { threads, batch, source, answer, steps, device, precision, peerDevice, peerDtype } = setting;
const shape = shapeOf(setting.size);
const interpreter = python(TORCH);
const open = (/** @type {object} */ more) =>
  startPython(interpreter, "./torch_worker.py", { ...setting, shape, ...more });

async function train() {
  const options = {
    ...STEP_DEFAULTS,
    vocab: shape.vocabularySize,
    width: shape.width,
    heads: shape.heads,
    kvHeads: shape.kvHeads,
    headDim: shape.headDim,
    feedForward: shape.feedForward,
    encoder: shape.encoderLayers,
    decoder: shape.decoderLayers,
    batch,
    source,
    target: answer,
    steps,
    precision,
  };
  const folder = mkdtempSync(join(tmpdir(), "slm-step-"));
  const step = await shareStep(options, folder);
  const modes = ["eager", ...(setting.compile === 1 && hasCompiler() ? ["compiled"] : [])];
  const ours = ourSteps(options);
  /** @type {import("./harness.mjs").Entry[]} */
  const theirs = [];
  for (const mode of modes) theirs.push(await theirSteps(mode, step, ours.losses));
  rmSync(folder, { recursive: true });
  return [ours, ...theirs];
}

const hasCompiler = () => spawnSync("g++", ["--version"]).status === 0;

const figures = (/** @type {number} */ stepMs) => ({
  stepMs,
  tokensPerSecond: (1000 * batch * (source + answer)) / stepMs,
});

/** Writes weights and batch of the benchmark to files for PyTorch. The benchmark generates the same values itself. */
async function shareStep(
  /** @type {import("../../../bench/lib/train-step.mjs").StepOptions} */ options,
  /** @type {string} */ folder,
) {
  const { weights, classes, data, settings: training } = trainStep(options);
  const files = { weights: join(folder, "weights.safetensors"), batchFile: join(folder, "batch.json") };
  await writeSafetensors(files.weights, weights);
  const numbers = { classes, source: data.source.data, target: data.target.data };
  writeFileSync(
    files.batchFile,
    JSON.stringify(Object.fromEntries(Object.entries(numbers).map(([name, list]) => [name, [...list]]))),
  );
  const { beta1, beta2, epsilon, maxGradNorm } = OPTIMIZER;
  const { weightDecay } = training;
  return { files: { ...files, beta1, beta2, epsilon, weightDecay, maxGradNorm }, training };
}

/** Each round is a separate process of the benchmark. */
function ourSteps(/** @type {import("../../../bench/lib/train-step.mjs").StepOptions} */ options) {
  const script = fileURLToPath(new URL("../../../bench/train-step.mjs", import.meta.url));
  const argv = Object.entries({ ...options, threads, device }).map(([key, value]) => `${key}=${value}`);
  /** @type {number[]} */
  const losses = [];
  /** @type {Record<string, unknown>} */
  const about = { parameters: parametersOf(shape) };
  return {
    name: `slm, compiled step, ${precision}`,
    about,
    losses,
    run: () => {
      /** @type {{ losses: number[], device: string, simulated: boolean, shareOfProductRate: number, medianMs: number }} */
      const report = JSON.parse(execFileSync(process.execPath, [script, ...argv], { encoding: "utf8" }));
      losses.splice(0, losses.length, ...report.losses);
      about["device"] = `${report.device}${report.simulated ? ", simulated" : ""}`;
      about["shareOfProductRate"] = report.shareOfProductRate;
      return Promise.resolve(figures(report.medianMs));
    },
  };
}

/** Steps of one worker, which continues training from round to round. The first losses are compared with slm's. */
async function theirSteps(
  /** @type {string} */ mode,
  /** @type {Awaited<ReturnType<typeof shareStep>>} */ { files, training },
  /** @type {readonly number[]} */ expected,
) {
  const worker = await open({ ...files, compiled: mode === "compiled" });
  const { version, parameters } = worker.opened;
  const about = { parameters, device: `${peerDevice}, ${peerDtype}` };
  let taken = 0;
  return {
    name: `PyTorch ${version}, ${mode}`,
    about,
    run: async () => {
      /** @type {{ stepMs: number, loss: number }[]} */
      const answers = [];
      for (let at = 0; at < steps; at += 1) {
        taken += 1;
        const rate = learningRateAt(Math.min(taken, steps), training);
        const { stepMs = Number.NaN, loss = Number.NaN } = await worker.ask({ rate });
        answers.push({ stepMs, loss });
      }
      if (taken === steps) Object.assign(about, lossesApart(mode, answers, expected));
      return figures(medianOf(answers.map(({ stepMs }) => stepMs)));
    },
    close: worker.close,
  };
}

/** @returns the relative differences to report. @throws Error beyond the tolerances */
function lossesApart(
  /** @type {string} */ mode,
  /** @type {readonly { loss: number }[]} */ answers,
  /** @type {readonly number[]} */ expected,
) {
  const apart = answers.map(({ loss }, at) => {
    const ours = expected[at] ?? Number.NaN;
    return Math.abs(loss - ours) / ours;
  });
  const [first = Number.NaN] = apart;
  const later = Math.max(...apart);
  const tolerance = LOSS_TOLERANCES[precision === "float32" ? peerDtype : precision] ?? {
    first: 0,
    later: 0,
  };
  if (!(first <= tolerance.first && later <= tolerance.later))
    throw new Error(`${mode}: losses differ by ${first} at the first step and by at most ${later} later`);
  return { lossApartFirst: first, lossApartLargest: later };
}

if (!Object.hasOwn(LOSS_TOLERANCES, peerDtype))
  throw new Error(`peerDtype: expected one of ${Object.keys(LOSS_TOLERANCES).join(", ")}, got ${peerDtype}`);
await compare(
  `PyTorch, training, ${setting.size}, ${source} tokens in, ${answer} out`,
  setting,
  await train(),
);
