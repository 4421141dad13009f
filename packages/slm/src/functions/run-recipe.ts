/** Runs a recipe or one of its stages, or plans it. */
import type { EngineName } from "@slm/tensor";
import type { TrainingDevice } from "@slm/models/compute";
import type { PipelineOptions } from "@slm/pipeline/run/pipeline-options";
import { preparePipeline } from "@slm/pipeline/run/prepare-run";
import { workersOf, type WorkersFlags } from "@slm/pipeline/workers/workers-address";
import { planPipeline, type PlannedStage } from "@slm/pipeline/run/plan-pipeline";
import { artifactsOf, runPipeline, type StageOutcome } from "@slm/pipeline/run/run-pipeline";
import type { RecipeSources } from "@slm/pipeline/recipe/resolve-recipe";
import { summarizeStages, type RunSummary } from "@slm/pipeline/summary/run-summary";
import { contextOf, type WorkOptions } from "@slm/core/work";

export { recipeJsonSchema as recipeSchema } from "@slm/pipeline/run/json-schema";
export { printConfig, type PrintedConfig } from "@slm/pipeline/run/prepare-run";

/** Settings of a run in addition to its recipe. */
export interface RecipeOptions extends WorkOptions {
  /** Overrides of single settings, as in `--set`: `distill.steps=500`. */
  readonly set?: readonly string[] | undefined;
  /** Environment variables that override settings, such as `SLM_DISTILL__STEPS`. Default: none; the command line passes `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Directory of the run. Default: `runs/<name of the recipe>`. */
  readonly out?: string | undefined;
  /** Training engine. Default: `onnx`. */
  readonly engine?: EngineName | undefined;
  /** Device that trains. Default: the recipe's, else `cpu`. */
  readonly device?: TrainingDevice | undefined;
  /** Intra-op threads. Default: one per CPU core. */
  readonly threads?: number | undefined;
  /** Runs stages again even if nothing changed. */
  readonly force?: boolean | undefined;
}

/** The stages of a recipe to run. */
export interface RunRecipeOptions extends RecipeOptions {
  /** Runs only this stage; its inputs must exist. */
  readonly only?: string | undefined;
  /** Runs this stage and all later ones. */
  readonly from?: string | undefined;
  /** Stages to skip, as if the recipe had no section for them. */
  readonly skip?: readonly string[] | undefined;
}

/** Results of a run. */
export interface RunReport {
  /** Every stage in order, with the directory of its artifact. */
  readonly stages: readonly StageOutcome[];
  /** Directory of the bundle; null if the recipe has no `deploy` section or this run stopped before it. */
  readonly deploy: string | null;
  /** Quality, size and speed of the models, if stages of this run measured them. */
  readonly summary: RunSummary;
}

/** The plan of a run. */
export interface RunPlan {
  /** Every stage in order, with an estimate of its time and memory. */
  readonly stages: readonly PlannedStage[];
}

/**
 * Runs a recipe: every stage in order, skipping those that are up to date. The same call resumes an interrupted run.
 *
 * @param recipe a YAML file; relative paths in it start from its folder
 * @throws SlmError CONFIG_INVALID for a wrong setting, BUSY if another run uses the directory, GATE_FAILED if the
 * quantized model fails its gate, INTERRUPTED, and as the stages do
 * @example
 * const { deploy } = await runRecipe("recipe.yaml", { onEvent: console.error });
 */
export async function runRecipe(recipe: string, options: RunRecipeOptions = {}): Promise<RunReport> {
  return runPrepared(await prepareRecipe(recipe, options), options);
}

/** Plans {@link runRecipe}. Writes nothing. @throws SlmError INPUT_MISSING, USAGE, CONFIG_INVALID */
export async function planRecipe(recipe: string, options: RunRecipeOptions = {}): Promise<RunPlan> {
  return planPrepared(await prepareRecipe(recipe, options), options);
}

/** Checks a recipe and fills in its defaults. @throws SlmError INPUT_MISSING, USAGE, CONFIG_INVALID */
export async function prepareRecipe(recipe: string, options: RunRecipeOptions): Promise<PipelineOptions> {
  const { out, force, only, from, skip } = options;
  return preparePipeline({ recipe: { ...sourcesOf(recipe, options), skip }, out, force, only, from });
}

/** Adds the workers of `--workers`, `--storage` and `--insecure`. @throws SlmError as `workersOf` */
export async function withWorkers(
  prepared: PipelineOptions,
  flags: WorkersFlags,
  work: WorkOptions,
): Promise<PipelineOptions> {
  return { ...prepared, workers: await workersOf(flags, contextOf(work).note) };
}

/** Runs a recipe that {@link prepareRecipe} has checked. */
export async function runPrepared(prepared: PipelineOptions, work: WorkOptions): Promise<RunReport> {
  const stages = await runPipeline(prepared, contextOf(work, prepared.recipe.seed));
  return {
    stages,
    deploy: stages.find(({ name }) => name === "deploy")?.artifact ?? null,
    summary: await summarizeStages(artifactsOf(stages, prepared)),
  };
}

/** Plans a recipe. Writes nothing. */
export async function planPrepared(prepared: PipelineOptions, work: WorkOptions): Promise<RunPlan> {
  const context = contextOf(work, prepared.recipe.seed);
  return { stages: await planPipeline(prepared, context) };
}

/** The sources of a run's settings. */
export function sourcesOf(recipe: string | undefined, options: RecipeOptions): RecipeSources {
  const { set = [], environment = {}, engine, device, threads } = options;
  const compute = Object.entries({ device, threads }).filter(([, value]) => value !== undefined);
  const sets = [...set, ...compute.map(([key, value]) => `${key}=${value}`)];
  return { path: recipe, sets, environment, engine };
}
