/** The phases of a distillation with `distill.quantize`: float32 training, then quantization-aware training. */
import { existsSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { readCheckpoint, writeCheckpoint } from "@slm/checkpoints";
import { hashJson, readJsonFile, SlmError, writeJsonAtomic, writeTextAtomic } from "@slm/core";
import type { Weights } from "@slm/model";
import { METRICS_FILE, removeRunState, train, type TrainReport, type TrainRequest } from "@slm/training";
import { z } from "zod";
import type { DistillConfig } from "./config/distill-config.js";
import type { DistillationSources } from "./distillation-sources.js";
import { storedRowSets, studentBatches } from "./student-objective.js";
import { floatFeeds, quantizedLoss } from "./quantized/quantized-loss.js";
import { learnedScales, roundParameters, startingScales } from "./quantized/rounded-parameters.js";

/**
 * The peak learning rate of the phase, as a fraction of `distill.learningRate`. With 2 bits 0.3 and 0.03 were worse by more than a point of WER
 * (docs/benchmarks/quantization.md).
 */
const RATE = 0.1;

/** Checkpoint of the float32 student, and the last phase's state, in the work directory while the run is not finished. */
const FLOAT_DIRECTORY = "float";
const PHASE_DIRECTORY = "quantize";
/** Written after the float32 student, so its presence means that the checkpoint is complete. */
const FLOAT_FILE = "float.json";

const floatReport = z.object({
  key: z.string(),
  steps: z.int(),
  epochs: z.number(),
  furtherEpochs: z.array(z.number()),
  seconds: z.number(),
  metrics: z.record(z.string(), z.number()),
});

/** The float32 student, and what its training reported. */
interface FloatStudent extends Omit<z.infer<typeof floatReport>, "key"> {
  readonly weights: Weights;
}

export interface PhasesReport extends TrainReport {
  /** Dev metrics of the float32 student; absent if the run starts with one. */
  readonly floatMetrics?: Readonly<Record<string, number>> | undefined;
}

/**
 * Trains all phases, or continues an interrupted run. The returned weights are rounded: quantizing them with the scheme loses nothing.
 *
 * @throws SlmError as `train`; DATA_INVALID for the float32 student of a run with other data or settings
 */
export async function trainPhases(
  request: TrainRequest,
  sources: DistillationSources,
  settings: DistillConfig,
): Promise<PhasesReport> {
  const { quantize } = settings;
  if (quantize === undefined) return train(request);
  const float = settings.steps === 0 ? givenStudent(request) : await floatStudent(request);
  const { config, engine, workDirectory, context } = request;
  const directory = join(workDirectory, PHASE_DIRECTORY);
  await mkdir(directory, { recursive: true });
  const phase = phaseSettings(settings, quantize.steps);
  const options = { config, settings: phase, sources, seed: context.seed };
  const round = (parameters: Parameters<typeof roundParameters>[2]): typeof parameters =>
    roundParameters(config, quantize.scheme, parameters);
  const teacher = await floatFeeds(engine, config, float.weights);
  try {
    const batches = studentBatches(options);
    const scales = await startingScales(engine, config, quantize.scheme, float.weights);
    const report = await train({
      ...request,
      settings: phase,
      rowSets: storedRowSets(options),
      objective: {
        auxiliary: learnedScales(config, quantize.scheme),
        definition: (bucket) => quantizedLoss(config, { batch: phase.batchSize, ...bucket }, round),
        feeds: async (...batch) => {
          const made = await batches.make(...batch);
          return { ...made, variant: undefined, feeds: { ...made.feeds, ...teacher } };
        },
      },
      publish: round,
      initial: new Map([...float.weights, ...scales]),
      groups: undefined,
      workDirectory: directory,
      key: hashJson([request.key, PHASE_DIRECTORY]),
    });
    // Fewer than in the settings if the float32 training stopped early.
    const before = float.steps;
    await joinLogs(workDirectory, before);
    return {
      ...report,
      steps: before + report.steps,
      bestStep: before + report.bestStep,
      averagedSteps: report.averagedSteps.map((step) => before + step),
      epochs: float.epochs + report.epochs,
      furtherEpochs: report.furtherEpochs.map((epochs, set) => (float.furtherEpochs[set] ?? 0) + epochs),
      seconds: float.seconds + report.seconds,
      floatMetrics: settings.steps === 0 ? undefined : float.metrics,
    };
  } finally {
    await engine.release(Object.values(teacher));
  }
}

/** Removes the files of both phases. The student must have been written. */
export async function removePhases(workDirectory: string): Promise<void> {
  for (const name of [FLOAT_DIRECTORY, PHASE_DIRECTORY, FLOAT_FILE])
    await rm(join(workDirectory, name), { recursive: true, force: true });
}

/** The loss without the task's teacher, which the last phase does not need. */
const labelsOnly = (loss: DistillConfig["loss"]): DistillConfig["loss"] => ({
  ...loss,
  forwardKl: 0,
  reverseKl: 0,
  jensenShannon: 0,
  ctc: 0,
  crossEntropy: 1,
  terms: undefined,
});

/** Settings of a run that has only the last phase, which opens no teacher for its loss; other settings stay as they are. */
export const openedSettings = (settings: DistillConfig): DistillConfig =>
  settings.steps === 0 ? { ...settings, loss: labelsOnly(settings.loss) } : settings;

/** The settings of the last phase: a short warm-up, no dropout, and no averages, which would not be rounded. */
const phaseSettings = (settings: DistillConfig, steps: number): DistillConfig => ({
  ...settings,
  steps,
  learningRate: settings.learningRate * RATE,
  warmupSteps: Math.min(settings.warmupSteps, Math.ceil(steps / 10)),
  dropout: 0,
  emaDecay: 0,
  checkpointAveraging: 1,
  loss: labelsOnly(settings.loss),
  targets: { ...settings.targets, onPolicyFraction: 0 },
});

const givenStudent = ({ initial = new Map() }: TrainRequest): FloatStudent => ({
  weights: initial,
  steps: 0,
  epochs: 0,
  furtherEpochs: [],
  seconds: 0,
  metrics: {},
});

/** Trains the float32 student, or reads the student that an interrupted run trained. */
async function floatStudent(request: TrainRequest): Promise<FloatStudent> {
  const { workDirectory, key, config } = request;
  const [directory, file] = [FLOAT_DIRECTORY, FLOAT_FILE].map((name) => join(workDirectory, name)) as [
    string,
    string,
  ];
  if (existsSync(file)) {
    const { key: found, ...facts } = await readJsonFile(file, floatReport);
    if (found === key) return { ...facts, weights: (await readCheckpoint(directory)).weights };
    throw new SlmError(
      "DATA_INVALID",
      `${directory}: the float32 student belongs to a run with other data or settings`,
      {
        suggestions: ["train without --resume to start over"],
      },
    );
  }
  const { weights, steps, epochs, furtherEpochs, seconds, metrics } = await train(request);
  const facts = { steps, epochs, furtherEpochs: [...furtherEpochs], seconds, metrics: { ...metrics } };
  await mkdir(directory, { recursive: true });
  await writeCheckpoint(directory, { config, weights });
  await writeJsonAtomic(file, { key, ...facts });
  await removeRunState(workDirectory);
  return { weights, ...facts };
}

/** Appends the metrics log of the last phase to the first one's, with steps that count on. */
async function joinLogs(workDirectory: string, steps: number): Promise<void> {
  const path = join(workDirectory, METRICS_FILE);
  const first = steps === 0 ? [] : (await linesOf(path)).filter(({ step }) => step <= steps);
  const second = await linesOf(join(workDirectory, PHASE_DIRECTORY, METRICS_FILE));
  const all = [...first, ...second.map((line) => ({ ...line, step: steps + line.step }))];
  await writeTextAtomic(path, all.map((line) => `${JSON.stringify(line)}\n`).join(""));
}

const logLine = z.looseObject({ step: z.int() });

async function linesOf(path: string): Promise<readonly z.infer<typeof logLine>[]> {
  const text = await readFile(path, "utf8");
  return text
    .trim()
    .split("\n")
    .map((line) => logLine.parse(JSON.parse(line)));
}
