/** Runs one stage of a recipe, and the stages that it needs. */
import type { PipelineOptions } from "@slm/pipeline/run/pipeline-options";
import { sourcesOf, type RecipeOptions } from "./run-recipe.js";
import { contextOf, type WorkOptions } from "@slm/core/work";
import { preparePipeline } from "@slm/pipeline/run/prepare-run";
import { requiredStages } from "@slm/pipeline/run/selection";
import { readManifest } from "@slm/core";
import { runPipeline } from "@slm/pipeline/run/run-pipeline";

/** Settings of a stage's run in addition to its recipe. */
export interface StageOptions extends RecipeOptions {
  /** False discards the unfinished work of an interrupted run. Default: true, which resumes it. */
  readonly resume?: boolean | undefined;
}

/** The result of a stage, from this call or an earlier one. */
export interface StageReport {
  /** Directory of the artifact. */
  readonly artifact: string;
  /** `skipped` if it was up to date. */
  readonly status: "ran" | "skipped";
  /** Time that this call spent on the stage [s]. */
  readonly seconds: number;
  /** The stage's own report from its manifest; the same if the stage was skipped. */
  readonly [detail: string]: unknown;
}

/** Result of {@link distill}. */
export interface DistilledStudent extends StageReport {
  /** Directory of the student's checkpoint. */
  readonly checkpoint: string;
  /** Optimizer steps taken. */
  readonly steps: number;
  /** Training loss at the end. */
  readonly loss: number;
  /** Task metrics on the dev rows, by name. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Training throughput: source and target tokens, padding excluded [1/s]. */
  readonly tokensPerSecond: number;
}

/**
 * Trains the student of a recipe, after running the stages that it needs: data, tokenizer, teacher, cache. Interrupted training is
 * resumed.
 *
 * @param recipe a YAML file
 * @throws SlmError CONFIG_INVALID, BUSY, INTERRUPTED, and as the stages do
 * @example
 * const { checkpoint, metrics } = await distill("recipe.yaml", { set: ["distill.steps=500"] });
 */
export async function distill(recipe: string, options: StageOptions = {}): Promise<DistilledStudent> {
  const prepared = await prepareStage("distill", recipe, options);
  return distilled(await runPreparedStage("distill", prepared, options));
}

/** Converts the report of stage `distill` to the result of {@link distill}. */
export function distilled(report: StageReport): DistilledStudent {
  // The stage wrote its DistillReport into the manifest as `details`.
  return { ...report, checkpoint: report.artifact } as DistilledStudent;
}

/** Checks a recipe's settings of one stage and of the stages that it needs. @throws SlmError INPUT_MISSING, USAGE, CONFIG_INVALID */
export async function prepareStage(
  stage: string,
  recipe: string | undefined,
  options: StageOptions,
): Promise<PipelineOptions> {
  const { out, resume = true } = options;
  const fresh = resume ? undefined : stage;
  const sources = sourcesOf(recipe, options);
  const prepared = await preparePipeline({ recipe: sources, out, stages: [stage], fresh });
  const needed = requiredStages(prepared.stages, [stage], Object.keys(prepared.recipe.sections));
  const sections = Object.entries(prepared.recipe.sections).filter(([name]) => needed.includes(name));
  return { ...prepared, recipe: { ...prepared.recipe, sections: Object.fromEntries(sections) } };
}

/** Runs a stage that {@link prepareStage} has checked. `force` repeats only the stage itself, not the stages that it needs. */
export async function runPreparedStage(
  stage: string,
  prepared: PipelineOptions,
  options: WorkOptions & { readonly force?: boolean | undefined },
): Promise<StageReport> {
  const context = contextOf(options, prepared.recipe.seed);
  const outcomes = [...(await runPipeline(prepared, context))];
  if (options.force === true && outcomes.at(-1)?.status === "skipped")
    outcomes.splice(-1, 1, ...(await runPipeline({ ...prepared, only: stage, force: true }, context)));
  const outcome = outcomes.at(-1);
  if (outcome === undefined) throw new Error(`stage '${stage}' was not planned`);
  const { artifact, status, seconds } = outcome;
  const { details } = await readManifest(artifact);
  return { ...details, artifact, status, seconds };
}
