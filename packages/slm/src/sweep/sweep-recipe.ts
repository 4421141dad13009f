/** Runs a sweep over a recipe: first the stages that its student needs, then the trials. */
import { artifactInput, writeTextAtomic, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { distillConfig } from "@slm/distillation";
import { join } from "node:path";
import { prepareStage, type StageOptions } from "../functions/run-stage.js";
import { contextOf, type WorkOptions } from "@slm/pipeline/stage/work";
import type { PipelineOptions } from "@slm/pipeline/run/pipeline-options";
import { artifactsOf, runPipeline } from "@slm/pipeline/run/run-pipeline";
import { requireCpuOfWorkers, withWorkers, type WorkersAddress } from "@slm/pipeline/workers/workers-address";
import { measuredSteps, sweepPage } from "./sweep-page.js";
import { runSweep, type SweepOutcome } from "./run-sweep.js";
import type { Measured, Rung } from "./halving.js";
import { parseAxis, trialsOf } from "./space.js";
import { localTrials, type PlannedTrial, type TrialContext, type TrialRunner } from "./trial-runner.js";

export interface SweepOptions extends Pick<
  StageOptions,
  "set" | "environment" | "out" | "engine" | "device" | "threads"
> {
  /** Settings to vary, in the form that `parseAxis` reads. */
  readonly vary: readonly string[];
  /** Number of trials to draw. Default: every combination. */
  readonly trials?: number | undefined;
  readonly eta: number;
  readonly workers?: WorkersAddress | undefined;
}

export interface SweepResult {
  readonly best: {
    readonly trial: number;
    /** Values as in `--set`, by key. */
    readonly settings: Readonly<Record<string, string>>;
    readonly metrics: Readonly<Record<string, number>>;
  };
  readonly trials: readonly {
    readonly trial: number;
    readonly settings: Readonly<Record<string, string>>;
    /** One entry per rung that the trial reached. */
    readonly measured: readonly Omit<Measured, "trial">[];
  }[];
  /** The number of trials and steps of each rung. */
  readonly rungs: readonly Rung[];
  /** Number of steps of all trials together. */
  readonly steps: number;
  /** The page with a table and a chart. */
  readonly report: string;
}

const STAGE = "distill";
const DIRECTORY = "sweep";

/** @throws SlmError USAGE, CONFIG_INVALID for a setting that a trial cannot have, and as `runSweep` */
export async function sweepRecipe(
  recipe: string,
  options: SweepOptions,
  work: WorkOptions,
): Promise<SweepResult> {
  const prepared = await prepareStage(STAGE, recipe, options);
  const context = contextOf(work, prepared.recipe.seed);
  const trials = await plannedTrials(recipe, options, prepared.recipe.seed);
  const sections = Object.fromEntries(
    Object.entries(prepared.recipe.sections).filter(([stage]) => stage !== STAGE),
  );
  const earlier: PipelineOptions = { ...prepared, recipe: { ...prepared.recipe, sections } };
  const artifacts = artifactsOf(await runPipeline(earlier, context), earlier);
  const [dataDirectory, tokenizerDirectory] = [artifacts["data"], artifacts["tokenizer"]];
  if (dataDirectory === undefined || tokenizerDirectory === undefined)
    throw new SlmError("CONFIG_INVALID", "sweep: expected a recipe with data and tokenizer, got one without");
  const directories = {
    ...{ dataDirectory, tokenizerDirectory },
    teacherDirectory: artifacts["teacher"],
    cacheDirectory: artifacts["cache"],
  };
  const inputs: Record<string, string> = {};
  for (const [name, artifact] of Object.entries(artifacts))
    inputs[name] = (await artifactInput(name, artifact)).sha256;
  const directory = join(prepared.out, DIRECTORY);
  const { compute, name } = prepared.recipe;
  const given: TrialContext = { directories, compute, context };
  const [first] = trials as [PlannedTrial];
  const { steps, metrics } = first.distill;
  const { eta } = options;
  const go = (runner: TrialRunner): Promise<SweepOutcome> =>
    runSweep({ trials, steps, eta, metrics, directory, inputs, runner, context });
  const outcome = await (options.workers === undefined
    ? go(localTrials(given, directory))
    : sweepWith(options.workers, { inputs, trials: trials.map(({ distill }) => distill) }, given, go));
  const report = join(directory, "sweep.html");
  await writeTextAtomic(report, await sweepPage(`Sweep: ${name}`, trials, outcome, metrics));
  return resultOf(trials, outcome, report);
}

async function sweepWith(
  workers: WorkersAddress,
  sweep: unknown,
  given: TrialContext & { readonly context: StageContext },
  go: (runner: TrialRunner) => Promise<SweepOutcome>,
): Promise<SweepOutcome> {
  requireCpuOfWorkers(given.compute);
  const { workerTrials } = await import("./worker-trials.js");
  return withWorkers(workers, (runner) => go(workerTrials(runner, sweep, given)));
}

/** The trials with all settings: the recipe's settings with the trial's values. */
async function plannedTrials(
  recipe: string,
  options: SweepOptions,
  seed: number,
): Promise<readonly PlannedTrial[]> {
  const axes = options.vary.map(parseAxis);
  const planned: PlannedTrial[] = [];
  for (const trial of trialsOf(axes, { count: options.trials, seed })) {
    const varied = Object.entries(trial.settings).map(([key, value]) => `${key}=${value}`);
    const { recipe: resolved } = await prepareStage(STAGE, recipe, {
      ...options,
      set: [...(options.set ?? []), ...varied],
    });
    const distill = distillConfig.parse(resolved.sections[STAGE]?.settings);
    planned.push({ ...trial, distill });
  }
  return planned;
}

function resultOf(
  trials: readonly PlannedTrial[],
  { best, measured, rungs }: SweepOutcome,
  report: string,
): SweepResult {
  const { settings } = trials[best.trial]!;
  return {
    best: { trial: best.trial, settings, metrics: best.metrics },
    trials: trials.map(({ number, settings: own }) => ({
      trial: number,
      settings: own,
      measured: measured
        .filter(({ trial }) => trial === number)
        .map(({ steps, metrics, loss, failure }) => ({ steps, metrics, loss, failure })),
    })),
    rungs,
    steps: measuredSteps(measured),
    report,
  };
}
