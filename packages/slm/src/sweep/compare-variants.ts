/** Trains variants of a recipe with one or several seeds each, and compares them on the same test rows. */
import { hashJson, readJsonFile, readManifest, throwIfInterrupted, writeJsonAtomic } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { createRandom } from "@slm/generation";
import { METRICS, runsDifference, runsInterval, type MetricInterval, type MetricName } from "@slm/metrics";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { withModelsOnDevice } from "@slm/models/open";
import { distilled, prepareStage, runPreparedStage, type StageOptions } from "../functions/run-stage.js";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { measureQuality } from "@slm/models/quality";
import { readEvaluationRows } from "@slm/models/rows";
import type { PipelineOptions } from "@slm/pipeline/run/pipeline-options";
import { StagePool } from "./shared-stages.js";
import { parseSeeds, parseVariants, type Variant } from "./variants.js";

export interface CompareOptions extends Pick<
  StageOptions,
  "set" | "environment" | "out" | "engine" | "device" | "threads"
> {
  /** In the form that `parseVariants` reads. The others are compared with the first. */
  readonly variant: readonly string[];
  /** Seeds of the student's training, separated by commas. Default: the recipe's. */
  readonly seeds?: string | undefined;
  /** Number of test rows to measure, from the start of the file. Default: all. */
  readonly limit?: number | undefined;
}

export interface ComparedVariant {
  readonly name: string;
  /** Settings as in `--set`. */
  readonly settings: readonly string[];
  /** By metric: the mean over seeds with its 95 % interval. */
  readonly metrics: Readonly<Record<string, MetricInterval>>;
  /** By metric: the variant minus the first variant, with its 95 % interval; null for the first. */
  readonly difference: Readonly<Record<string, MetricInterval>> | null;
  readonly parameters: number;
  /** Mean time of the student's training [s]. */
  readonly seconds: number;
}

export interface CompareResult {
  readonly variants: readonly ComparedVariant[];
  readonly seeds: readonly (number | null)[];
  /** Number of test rows that every model answered. */
  readonly rows: number;
  readonly metrics: readonly MetricName[];
  /** File with this result. */
  readonly report: string;
}

const STAGE = "distill";
const DIRECTORY = "variants";
const MEASURED_FILE = "measured.json";
const PREDICTIONS_FILE = "predictions.jsonl";
/** Fixed, so that the same rows give the same intervals. */
const INTERVAL_SEED = 1;

const measuredSchema = z.strictObject({
  /** Hash of the student, the rows and the metrics. */
  key: z.string(),
  parameters: z.number(),
  seconds: z.number(),
});

const predictionSchema = z.object({
  source: z.string(),
  prediction: z.string(),
  references: z.array(z.string()),
});
type Prediction = z.infer<typeof predictionSchema>;

/** One training with its answers to the test rows. */
interface Trained {
  readonly answers: readonly Prediction[];
  readonly parameters: number;
  readonly seconds: number;
}

/**
 * Trains every variant with every seed, and measures it on the test rows (on the dev rows if there is no test split). Finished trainings
 * are not repeated, so an interrupted comparison resumes, and another variant or seed costs only its own training.
 *
 * @throws SlmError USAGE, and as `distill` and `measureQuality`; DATA_INVALID if variants have different test rows
 */
export async function compareVariants(
  recipe: string,
  options: CompareOptions,
  work: WorkOptions,
): Promise<CompareResult> {
  const variants = parseVariants(options.variant);
  const seeds = options.seeds === undefined ? [null] : parseSeeds(options.seeds);
  const { out } = await prepareStage(STAGE, recipe, options);
  const directory = join(out, DIRECTORY);
  const pool = new StagePool();
  const byVariant = new Map<Variant, Trained[]>(variants.map((variant) => [variant, []]));
  let metrics: readonly MetricName[] = [];
  // Seeds are the outer loop, so that a whole table exists after the first seed.
  for (const seed of seeds)
    for (const variant of variants) {
      throwIfInterrupted(contextOf(work).signal, "sweep");
      const run = await prepareVariant(recipe, options, { variant, seed, directory });
      metrics = metricsOf(run);
      await pool.lend(run);
      byVariant.get(variant)!.push(await trainVariant(run, options, work));
      pool.keep(run);
    }
  const report = join(directory, "variants.json");
  const compared = compare(byVariant, metrics);
  const [first] = byVariant.get(variants[0]!)!;
  const result = { variants: compared, seeds, rows: first!.answers.length, metrics, report };
  await writeJsonAtomic(report, result);
  return result;
}

async function prepareVariant(
  recipe: string,
  options: CompareOptions,
  { variant, seed, directory }: { variant: Variant; seed: number | null; directory: string },
): Promise<PipelineOptions> {
  const ofSeed = seed === null ? [] : [`distill.seed=${seed}`];
  const out = join(directory, seed === null ? variant.name : `${variant.name}.${seed}`);
  return prepareStage(STAGE, recipe, {
    ...options,
    set: [...(options.set ?? []), ...variant.settings, ...ofSeed],
    out,
  });
}

const metricsSchema = z.object({ metrics: z.array(z.string()) });

function metricsOf({ recipe }: PipelineOptions): readonly MetricName[] {
  const { metrics } = metricsSchema.parse(recipe.sections[STAGE]?.settings);
  return metrics.filter((name): name is MetricName => Object.hasOwn(METRICS, name));
}

/** Trains a student unless it is finished, and answers the test rows unless they are answered already. */
async function trainVariant(
  run: PipelineOptions,
  { limit, threads }: CompareOptions,
  work: WorkOptions,
): Promise<Trained> {
  const { checkpoint } = distilled(await runPreparedStage(STAGE, run, work));
  const { key: student, details } = await readManifest(checkpoint);
  const { parameters, seconds } = z
    .object({ parameters: z.number(), seconds: z.number().default(0) })
    .parse(details);
  const data = join(run.out, "data");
  const file = [join(data, "test.jsonl"), join(data, "dev.jsonl")].find((path) => existsSync(path));
  if (file === undefined)
    throw new SlmError("DATA_INVALID", `${data}: expected test rows or dev rows, got none`);
  const key = hashJson({ student, file, limit: limit ?? null });
  const measuredPath = join(run.out, MEASURED_FILE);
  const predictionsPath = join(run.out, PREDICTIONS_FILE);
  const isMeasured =
    existsSync(measuredPath) && (await readJsonFile(measuredPath, measuredSchema)).key === key;
  if (!isMeasured) {
    const { progress, signal } = contextOf(work);
    const context = { progress, signal };
    await withModelsOnDevice(
      [checkpoint],
      { threads, ...context },
      async ({ directories: [model = ""], runtime }) => {
        const rows = await readEvaluationRows(file, limit);
        await measureQuality({ model, rows, metrics: metricsOf(run), runtime, context, predictionsPath });
      },
    );
    await writeJsonAtomic(measuredPath, { key, parameters, seconds });
  }
  return { answers: await readPredictions(predictionsPath), parameters, seconds };
}

async function readPredictions(path: string): Promise<readonly Prediction[]> {
  const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
  return lines.map((line) => predictionSchema.parse(JSON.parse(line)));
}

/** @throws SlmError DATA_INVALID if two runs answered different rows */
function compare(
  byVariant: ReadonlyMap<Variant, readonly Trained[]>,
  metrics: readonly MetricName[],
): readonly ComparedVariant[] {
  const all = [...byVariant];
  const [[base, baseRuns]] = all as [[Variant, readonly Trained[]]];
  const { answers } = baseRuns[0]!;
  const references = answers.map((row) => row.references);
  for (const [{ name }, runs] of all)
    for (const run of runs)
      if (
        run.answers.length !== answers.length ||
        run.answers.some(({ source }, at) => source !== answers[at]!.source)
      )
        throw new SlmError(
          "DATA_INVALID",
          `sweep: variant ${name} does not have the same test rows as ${base.name}`,
          {
            suggestions: ["change settings of data for all variants with --set"],
          },
        );
  const predictions = (runs: readonly Trained[]): readonly (readonly string[])[] =>
    runs.map((run) => run.answers.map(({ prediction }) => prediction));
  const byMetric = (figure: (name: MetricName) => MetricInterval): Record<string, MetricInterval> =>
    Object.fromEntries(metrics.map((name) => [name, figure(name)]));
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  return all.map(([variant, runs]) => ({
    ...variant,
    metrics: byMetric((name) =>
      runsInterval(METRICS[name], predictions(runs), references, createRandom(INTERVAL_SEED).next),
    ),
    difference:
      variant === base
        ? null
        : byMetric((name) =>
            runsDifference(
              METRICS[name],
              [predictions(runs), predictions(baseRuns)],
              references,
              createRandom(INTERVAL_SEED).next,
            ),
          ),
    parameters: runs[0]!.parameters,
    seconds: mean(runs.map(({ seconds }) => seconds)),
  }));
}
