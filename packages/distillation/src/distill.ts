import { removePath } from "@slm/core";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";

import { DATA_FILES, readRows } from "@slm/data";
import { parameterCount, parseModelConfig, visionOf, type ModelConfig, type Weights } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import { createTokenizer, readTokenizerFiles, writeTokenizer } from "@slm/tokenizer";
import {
  drawStreamedRows,
  greedyDevMetric,
  METRICS_FILE,
  removeRunState,
  type DevRow,
  type Divergence,
  type EarlyStop,
  type TrainRequest,
} from "@slm/training";
import type { DistillConfig } from "./config/distill-config.js";
import type { DistillInputs, DistillRun } from "./config/distill-inputs.js";
import { distillReport } from "./config/distill-report.js";
import { openDistillationSources, SOURCE_FILES } from "./distillation-sources.js";
import { removeOwnCache } from "./teacher/gold-cache.js";
import { initialStudent } from "./start/initial-weights.js";
import { readRowImage } from "./sources/row-images.js";
import { claimWorkDirectory, RUN_FILE, runKey } from "./run-key.js";
import { SAMPLES, writeSamples } from "./samples.js";
import { readSingleConfig } from "./start/single-teacher.js";
import type { StoredByOrigin } from "./targets/stored-targets.js";
import type { TargetOrigin } from "./config/target-shares.js";
import { hasTeacherShape, studentShape } from "./config/student-config.js";
import type { TeacherLayers } from "./start/student-layers.js";
import { checkRounding } from "./quantized/rounded-parameters.js";
import { openedSettings, removePhases, trainPhases, type PhasesReport } from "./train-phases.js";
import { storedOrigins, storedRowSets, studentObjective } from "./student-objective.js";

export interface DistillReport {
  readonly parameters: number;
  /** Undefined without a teacher. */
  readonly teacherParameters?: number;
  readonly steps: number;
  /** Why and when the training, or its last phase, stopped early; absent if it took all steps. */
  readonly earlyStop?: EarlyStop | undefined;
  readonly epochs: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly bestStep: number;
  readonly averagedSteps: readonly number[];
  /** How far the loss rose above its initial value; undefined if training did not diverge. */
  readonly diverged?: Divergence | undefined;
  /** Dev metrics of the float32 student before quantization-aware training; undefined without that phase. */
  readonly floatMetrics?: Readonly<Record<string, number>> | undefined;
  /** Teacher layers that initialized the student, if any. */
  readonly teacherLayers?: TeacherLayers | undefined;
  /** Stored teacher targets by origin; undefined without any. */
  readonly stored?: StoredReport | undefined;
}

type StoredReport = Readonly<
  Partial<
    Record<
      TargetOrigin,
      {
        /** Rows within the student's limits. */
        readonly rows: number;
        readonly epochs: number;
        /** Rows by labeller. */
        readonly labellers: Readonly<Record<string, number>>;
      }
    >
  >
>;

/**
 * Trains a student, with or without a teacher. Writes the best checkpoint on the dev split, its tokenizer, the metrics log, sample
 * predictions, and a report.
 *
 * @throws SlmError INPUT_MISSING if a required teacher is missing; SHAPE_MISMATCH if teacher and student have
 * different vocabularies; DATA_INVALID for rows that a model cannot read, and for a saved state
 * with other data, tokenizer, teacher or settings; INTERRUPTED with the state saved.
 */
export async function distill(settings: DistillConfig, request: DistillInputs): Promise<DistillReport> {
  const run = await prepareStudent(settings, request);
  const { inputs, files } = run;
  const { workDirectory } = inputs;
  const trained = await trainStudent(run);
  const { student, report, teacherParameters, teacherLayers } = trained;
  const stored = storedReport(trained.stored, report.furtherEpochs);
  const { weights } = report;
  await writeCheckpoint(workDirectory, { config: student, weights });
  await writeTokenizer(files, workDirectory);
  await describe({ ...run, config: student }, weights);
  await removeRunState(workDirectory);
  await removePhases(workDirectory);
  await removeOwnCache(workDirectory);
  for (const name of [...SOURCE_FILES, RUN_FILE]) await removePath(join(workDirectory, name));
  const { steps, epochs, seconds, tokensPerSecond, loss, metrics, bestStep, averagedSteps } = report;
  return {
    parameters: parameterCount(student),
    ...(teacherParameters === undefined ? {} : { teacherParameters }),
    steps,
    epochs,
    seconds,
    tokensPerSecond,
    loss,
    metrics,
    bestStep,
    averagedSteps,
    earlyStop: report.earlyStop,
    diverged: report.diverged,
    floatMetrics: report.floatMetrics,
    teacherLayers,
    stored,
  };
}

/** The student's configuration, from settings, tokenizer and teacher. @throws SlmError CONFIG_INVALID, INPUT_MISSING */
async function prepareStudent(given: DistillConfig, request: DistillInputs): Promise<DistillRun> {
  const settings = openedSettings(given);
  const { context } = request;
  const inputs = { ...request, context: { ...context, seed: settings.seed ?? context.seed } };
  const { tokenizerDirectory } = inputs;
  const files = await readTokenizerFiles(tokenizerDirectory);
  const tokenizer = createTokenizer(files);
  const teacher = hasTeacherShape(settings.student)
    ? await readSingleConfig(inputs.teacherDirectory, "student.shape")
    : undefined;
  const config = parseModelConfig(
    {
      ...studentShape(settings.student, { tower: inputs.published?.tower, teacher }),
      vocabularySize: tokenizer.vocabularySize,
      tokens: tokenizer.tokens,
    },
    "distill: student",
  );
  if (settings.quantize !== undefined) checkRounding(config, settings.quantize.scheme);
  return { settings, inputs, config, files, tokenizer };
}

interface TrainedStudent {
  readonly student: ModelConfig;
  readonly report: PhasesReport;
  readonly teacherParameters: number | undefined;
  readonly teacherLayers: TeacherLayers | undefined;
  readonly stored: StoredByOrigin;
}

/** Opens the inputs of a run and trains. */
async function trainStudent(run: DistillRun): Promise<TrainedStudent> {
  const { settings, inputs, tokenizer } = run;
  const { engine, context, workDirectory, teacherDirectory, published } = inputs;
  const key = await runKey(run);
  await claimWorkDirectory(workDirectory, key);
  const sources = await openDistillationSources(run);
  try {
    const { initialize, warmupSteps } = settings;
    const start = await initialStudent({
      config: run.config,
      files: run.files,
      initialize,
      teacherDirectory,
      warmupSteps,
      pairs: sources.corpus.pairs,
      engine,
      seed: context.seed,
      tower: published?.weights,
    });
    const { config } = start;
    if (start.message !== undefined) context.progress({ stage: "distill", message: start.message });
    const objective = studentObjective({ sources, config, settings, seed: context.seed });
    const rows = await devRows(run);
    const dev = greedyDevMetric({
      rows,
      tokenizer,
      limit: settings.evaluateRows,
      seed: context.seed,
      maxTarget: config.maxTarget,
      metrics: settings.metrics,
    });
    try {
      const request: TrainRequest = {
        stage: "distill",
        engine,
        config,
        settings,
        lengths: sources.corpus.pairs.lengths,
        rowSets: storedRowSets({ sources, settings, seed: context.seed }),
        objective,
        dev,
        workDirectory,
        key,
        context,
        initial: start.weights,
        // Adapters have a single learning rate.
        groups: settings.lora === undefined ? start.groups : undefined,
      };
      const report = await trainPhases(request, sources, settings);
      const teacherParameters = sources.teacherModel?.teacher.parameters;
      const { stored } = sources;
      return { student: config, report, teacherParameters, teacherLayers: start.layers, stored };
    } finally {
      await dev.close();
    }
  } finally {
    await sources.close();
  }
}

/** The stored targets that were used; undefined without any. */
function storedReport(stored: StoredByOrigin, epochs: readonly number[]): StoredReport | undefined {
  const origins = storedOrigins(stored);
  if (origins.length === 0) return undefined;
  return Object.fromEntries(
    origins.map((origin, set) => {
      const { lengths, labellers } = stored[origin]!;
      return [origin, { rows: lengths.source.length, epochs: epochs[set]!, labellers }];
    }),
  );
}

/** Writes samples and the report. */
async function describe(run: DistillRun, weights: Weights): Promise<void> {
  const { settings, inputs, config } = run;
  const { workDirectory: directory } = inputs;
  const page = inputs.page?.(parameterCount(config));
  await writeSamples(run, weights, await devRows(run));
  await writeFile(
    join(directory, "report.html"),
    await distillReport(join(directory, METRICS_FILE), { settings, page }),
  );
}

/** The dev rows for evaluation and samples, with their images. The whole split may not fit in memory. */
async function devRows({ settings, inputs, config }: DistillRun): Promise<readonly DevRow[]> {
  const { dataDirectory, context } = inputs;
  const where = join(dataDirectory, DATA_FILES.dev);
  const limit = Math.max(settings.evaluateRows, SAMPLES);
  const rows = await drawStreamedRows(() => readRows(where), limit, context.seed);
  const tower = visionOf(config)?.tower;
  if (tower === undefined) return rows;
  const seen: DevRow[] = [];
  for (const row of rows)
    seen.push({ ...row, samples: await readRowImage(row, tower, dataDirectory, `${where}: a row`) });
  return seen;
}
