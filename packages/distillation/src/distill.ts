import { join } from "node:path";
import { rm, writeFile } from "node:fs/promises";
import { hashJson, writeTextAtomic } from "@slm/core";
import { DATA_FILES, readRows, thumbnail, type Row } from "@slm/data";
import { parameterCount, parseModelConfig, visionOf, type Weights, type ModelConfig } from "@slm/model";
import { writeCheckpoint } from "@slm/checkpoints";
import {
  createTokenizer,
  readTokenizerFiles,
  TOKENIZER_CONFIG_FILE,
  TOKENIZER_FILE,
  writeTokenizer,
  type Tokenizer,
} from "@slm/tokenizer";
import {
  drawStreamedRows,
  greedyDevMetric,
  METRICS_FILE,
  removeRunState,
  train,
  type DevRow,
  type TrainReport,
  drawRows,
  GreedyPredictor,
  packWeights,
  planChunks,
  valueInput,
  type DevMetric,
  type LiveModel,
} from "@slm/training";
import { readsTeacher, type DistillConfig } from "./distill-config.js";
import type { DistillInputs, DistillRun } from "./distill-inputs.js";
import { distillReport } from "./distill-report.js";
import { openDistillationSources, SOURCE_FILES, type DistillationSources } from "./distillation-sources.js";
import { removeOwnCache } from "./gold-cache.js";
import { initialWeights } from "./initial-weights.js";
import { readRowImage } from "./row-images.js";
import { claimWorkDirectory, fileHash, modelHash, RUN_FILE } from "./run-key.js";
import { studentShape } from "./student-config.js";
import { studentObjective } from "./student-objective.js";
import { teacherDevValue } from "./teacher-dev.js";
import { besideTeacher, followsDev, teacherFactorOf } from "./teacher-factor.js";
import { SAMPLES_FILE } from "@slm/report";
import type { Engine } from "@slm/tensor";

// Sample predictions of the final model for some dev rows.

/** Number of sample rows. */
const SAMPLES = 40;

/** Longest side of thumbnails [pixels]. */
const THUMBNAIL_PIXELS = 320;

interface SamplesRequest {
  readonly engine: Engine;
  readonly config: ModelConfig;
  readonly weights: Weights;
  readonly tokenizer: Tokenizer;
  /** The dev split. */
  readonly rows: readonly DevRow[];
  readonly seed: number;
  /** Folder that paths of images are relative to. */
  readonly dataDirectory: string;
  /** Receives {@link SAMPLES_FILE}: one JSON object {source, target, references, image, thumbnail, prediction} per line. */
  readonly directory: string;
}

/** Writes the samples. @throws SlmError OUTPUT_FAILED */
async function writeSamples(request: SamplesRequest): Promise<void> {
  const { engine, config, weights, tokenizer, seed, directory } = request;
  const rows = drawRows(request.rows, SAMPLES, seed);
  const feeds: Record<string, LiveModel["feeds"][string]> = {};
  for (const chunk of planChunks(config))
    feeds[valueInput(chunk)] = await engine.upload(packWeights(chunk, weights));
  const predictor = new GreedyPredictor(rows, tokenizer, config.maxTarget);
  try {
    const predictions = await predictor.predict({ engine, config, feeds });
    const lines = [];
    for (const [index, row] of rows.entries()) {
      const shown = { ...shownRow(row), ...(await thumbnailOf(row, request.dataDirectory)) };
      lines.push(JSON.stringify({ ...shown, prediction: predictions[index] }));
    }
    await writeTextAtomic(join(directory, SAMPLES_FILE), lines.map((line) => `${line}\n`).join(""));
  } finally {
    await predictor.close();
    await engine.release(Object.values(feeds));
  }
}

/** The fields of a sample; absent fields are not written. */
const shownRow = ({ source, target, references, image }: Row): object => ({
  source,
  target,
  references,
  image,
});

async function thumbnailOf({ image }: Row, dataDirectory: string): Promise<{ readonly thumbnail?: string }> {
  if (image === undefined) return {};
  const png = await thumbnail(dataDirectory, image, THUMBNAIL_PIXELS);
  return { thumbnail: Buffer.from(png).toString("base64") };
}

export interface DistillReport {
  readonly parameters: number;
  /** Absent without a teacher. */
  readonly teacherParameters?: number;
  readonly steps: number;
  readonly epochs: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  readonly loss: number;
  readonly metrics: Readonly<Record<string, number>>;
  readonly bestStep: number;
  readonly averagedSteps: readonly number[];
}

/**
 * Trains a student, with or without a teacher. Writes the best checkpoint on the dev split, its tokenizer, the metrics log, sample
 * predictions, and a report.
 *
 * @throws SlmError INPUT_MISSING without a teacher where one is needed; SHAPE_MISMATCH when teacher and student have
 * different vocabularies and `loss.crossTokenizer` is none; DATA_INVALID for rows that a model cannot read, and for the state of a run
 * with other data, tokenizer, teacher or settings; INTERRUPTED with the state saved.
 */
export async function distill(settings: DistillConfig, given: DistillInputs): Promise<DistillReport> {
  const { context } = given;
  const inputs = { ...given, context: { ...context, seed: settings.seed ?? context.seed } };
  const { tokenizerDirectory, workDirectory } = inputs;
  const files = await readTokenizerFiles(tokenizerDirectory);
  const tokenizer = createTokenizer(files);
  const config = parseModelConfig(
    {
      ...studentShape(settings.student, inputs.published?.tower),
      vocabularySize: tokenizer.vocabularySize,
      tokens: tokenizer.tokens,
    },
    "distill: student",
  );
  const run: DistillRun = { settings, inputs, config, files, tokenizer };
  const { report, teacherParameters } = await trainStudent(run);
  await writeCheckpoint(workDirectory, { config, weights: report.weights });
  await writeTokenizer(files, workDirectory);
  await describe(run, report.weights);
  await removeRunState(workDirectory);
  await removeOwnCache(workDirectory);
  for (const name of [...SOURCE_FILES, RUN_FILE]) await rm(join(workDirectory, name), { force: true });
  const { steps, epochs, seconds, tokensPerSecond, loss, metrics, bestStep, averagedSteps } = report;
  return {
    parameters: parameterCount(config),
    ...(teacherParameters === undefined ? {} : { teacherParameters }),
    steps,
    epochs,
    seconds,
    tokensPerSecond,
    loss,
    metrics,
    bestStep,
    averagedSteps,
  };
}

async function trainStudent(
  run: DistillRun,
): Promise<{ readonly report: TrainReport; readonly teacherParameters: number | undefined }> {
  const { settings, inputs, config, tokenizer } = run;
  const { engine, context, workDirectory } = inputs;
  const key = await runKey(run);
  await claimWorkDirectory(workDirectory, key);
  const sources = await openDistillationSources(run);
  try {
    const teacherFactor = teacherFactorOf(settings);
    const objective = studentObjective({ sources, config, settings, seed: context.seed, teacherFactor });
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
      const { initialize } = settings;
      const { teacherDirectory, published } = inputs;
      const initial = await initialWeights({
        config,
        files: run.files,
        initialize,
        teacherDirectory,
        seed: context.seed,
        tower: published?.weights,
      });
      const report = await train({
        stage: "distill",
        engine,
        config,
        settings,
        lengths: sources.corpus.pairs.lengths,
        objective,
        dev: await comparedWithTeacher(run, { key, rows, dev, sources }),
        workDirectory,
        key,
        context,
        initial,
      });
      return { report, teacherParameters: sources.teacherModel?.teacher.parameters };
    } finally {
      await dev.close();
    }
  } finally {
    await sources.close();
  }
}

/** The dev metric; with the teacher's value beside it where the factor of the teacher's terms follows both. */
async function comparedWithTeacher(
  { settings, inputs: { context, workDirectory }, tokenizer }: DistillRun,
  given: {
    readonly key: string;
    readonly rows: readonly DevRow[];
    readonly dev: DevMetric;
    readonly sources: DistillationSources;
  },
): Promise<DevMetric> {
  const { key, rows, dev, sources } = given;
  const model = sources.teacherModel;
  if (!followsDev(settings) || model === undefined) return dev;
  const [metric] = settings.metrics;
  const value = await teacherDevValue({
    teacher: model.teacher,
    tokenizer: model.reader.tokenizer ?? tokenizer,
    rows: drawRows(rows, settings.evaluateRows, context.seed),
    metric,
    workDirectory,
    key,
    signal: context.signal,
  });
  context.progress({ stage: "distill", message: `the teacher's ${metric} on the dev rows: ${value}` });
  return besideTeacher(dev, value);
}

/** Samples and the report. */
async function describe(
  { settings, inputs, config, tokenizer, ...run }: DistillRun,
  weights: Weights,
): Promise<void> {
  const { engine, context, workDirectory: directory } = inputs;
  const rows = await devRows({ settings, inputs, config, tokenizer, ...run });
  const { dataDirectory } = inputs;
  await writeSamples({
    engine,
    config,
    weights,
    tokenizer,
    rows,
    seed: context.seed,
    dataDirectory,
    directory,
  });
  await writeFile(
    join(directory, "report.html"),
    await distillReport(join(directory, METRICS_FILE), { settings }),
  );
}

/** The dev rows that are measured or shown, with their images. The whole split may not fit in memory. */
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

/** Hash of everything that the run reads. */
async function runKey({ settings, config, inputs }: DistillRun): Promise<string> {
  const { dataDirectory, tokenizerDirectory, teacherDirectory, cacheDirectory, published, context } = inputs;
  // An initial checkpoint is identified by its contents, not its path.
  const { student, vision, ...initialize } = settings.initialize;
  const data = [DATA_FILES.train, DATA_FILES.dev, DATA_FILES.unlabelled];
  return hashJson({
    settings: { ...settings, initialize },
    config,
    seed: context.seed,
    data: await Promise.all(data.map((name) => fileHash(join(dataDirectory, name)))),
    tokenizer: await Promise.all(
      [TOKENIZER_FILE, TOKENIZER_CONFIG_FILE].map((name) => fileHash(join(tokenizerDirectory, name))),
    ),
    student: student && (await modelHash(student)),
    vision: vision && (await modelHash(vision)),
    published: published && (await modelHash(published.directory)),
    cache: cacheDirectory === undefined ? "own" : await modelHash(cacheDirectory),
    teacher:
      teacherDirectory === undefined || !readsTeacher(settings) ? "none" : await modelHash(teacherDirectory),
  });
}
