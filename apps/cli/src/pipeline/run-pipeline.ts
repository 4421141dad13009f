/** Runs stages in order, skipping those whose artifact was made from the same inputs, settings, seed and code. */
import {
  MANIFEST_FILE,
  SILENT,
  SLM_VERSION,
  artifactInput,
  hashFile,
  hashFolder,
  hashJson,
  partialPath,
  readFailure,
  readManifest,
  recoverArtifact,
  throwIfInterrupted,
  verifyDirectory,
  withLock,
  writeArtifact,
  type ManifestInput,
  type StageContext,
} from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { relativeToRecipe } from "../recipe/recipe-paths.js";
import type { ResolvedRecipe, ResolvedSection } from "../recipe/resolve-recipe.js";
import { aboutOf } from "../summary/run-artifacts.js";
import { inputsOf, requiredStages, selectStages, type SelectionOptions } from "./selection.js";
import type { EstimateRequest, FilesRequest, Stage, StageEstimate, StageRun } from "./stage.js";

export interface StageOutcome {
  readonly name: string;
  readonly status: "ran" | "skipped";
  readonly seconds: number;
  /** Directory of the stage's artifact. */
  readonly artifact: string;
}

export interface PlannedStage extends Omit<StageOutcome, "status" | "seconds"> {
  readonly status: "would-run" | "would-resume" | "would-skip";
  readonly estimate: StageEstimate;
}

export interface PipelineOptions extends SelectionOptions {
  readonly recipe: ResolvedRecipe;
  /** All stages, in order. */
  readonly stages: readonly Stage[];
  /** Directory of the run: one directory per stage. */
  readonly out: string;
  /** Runs the selected stages even if nothing changed. */
  readonly force?: boolean | undefined;
  /** A stage whose unfinished work from an interrupted run is discarded. A finished artifact is kept. */
  readonly fresh?: string | undefined;
}

/** A stage with everything that decides whether its artifact is up to date. */
interface PreparedStage {
  readonly stage: Stage;
  readonly section: ResolvedSection;
  /** The section's settings as they are recorded: their paths start from the recipe's folder. */
  readonly recorded: unknown;
  readonly directory: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly manifestInputs: readonly ManifestInput[];
  readonly key: string;
}

/**
 * Runs the selected stages of a recipe under a lock of the run's directory. The next call resumes an interrupted stage.
 *
 * @throws SlmError BUSY if another run holds the directory, INPUT_MISSING if a stage outside the selection was never run, and whatever a stage throws.
 */
export async function runPipeline(
  options: PipelineOptions,
  context: StageContext,
): Promise<readonly StageOutcome[]> {
  const selected = selectStages(plannedStages(options), options.stages, options);
  return withLock(options.out, async (lost) => {
    const signal = AbortSignal.any([context.signal, lost]);
    const outcomes: StageOutcome[] = [];
    for (const stage of selected) {
      throwIfInterrupted(signal, stage.name);
      outcomes.push(await doStage(stage, options, { ...context, signal }));
    }
    return outcomes;
  });
}

/**
 * Directories of the artifacts that the outcomes stand on, by stage: their own, and those of the stages that they read, directly or
 * through others. Artifacts of later stages may be of earlier settings, so they are left out.
 */
export function artifactsOf(
  outcomes: readonly StageOutcome[],
  options: PipelineOptions,
): Readonly<Record<string, string>> {
  const planned = plannedStages(options);
  const names = planned.map(({ name }) => name);
  const read = requiredStages(
    options.stages,
    outcomes.map(({ name }) => name),
    names,
  );
  return Object.fromEntries(
    read.filter((name) => names.includes(name)).map((name) => [name, join(options.out, name)]),
  );
}

/** What {@link runPipeline} would do. Reads artifacts, writes nothing. */
export async function planPipeline(options: PipelineOptions): Promise<readonly PlannedStage[]> {
  const selected = selectStages(plannedStages(options), options.stages, options);
  const rerun = new Set<string>();
  const plan: PlannedStage[] = [];
  for (const stage of selected) {
    const isStale =
      stage.inputs.some((input) => rerun.has(input.stage)) || !(await isPlannedCurrent(stage, options));
    if (isStale) rerun.add(stage.name);
    const artifact = join(options.out, stage.name);
    const unfinished = options.fresh !== stage.name && existsSync(partialPath(artifact));
    const status = !isStale ? "would-skip" : unfinished ? "would-resume" : "would-run";
    plan.push({
      name: stage.name,
      status,
      artifact,
      estimate: isStale ? await stage.estimate(estimateRequest(stage, options)) : {},
    });
  }
  return plan;
}

function estimateRequest(stage: Stage, options: PipelineOptions): EstimateRequest<unknown> {
  const { recipe, stages, out } = options;
  const artifacts = stages
    .map(({ name }) => [name, join(out, name)] as const)
    .filter(([, directory]) => existsSync(join(directory, MANIFEST_FILE)));
  const sections = Object.entries(recipe.sections).map(([name, { settings }]) => [name, settings] as const);
  return {
    settings: sectionOf(stage, options).settings,
    sections: Object.fromEntries(sections),
    artifacts: Object.fromEntries(artifacts),
    compute: recipe.compute,
  };
}

function plannedStages({ stages, recipe }: PipelineOptions): readonly Stage[] {
  return stages.filter(({ name }) => recipe.sections[name] !== undefined);
}

async function doStage(stage: Stage, options: PipelineOptions, context: StageContext): Promise<StageOutcome> {
  const startedAt = performance.now();
  const directory = join(options.out, stage.name);
  await recoverArtifact(directory);
  const prepared = await prepare(stage, options, { ...context, mayFetch: true });
  const outcome = (status: StageOutcome["status"]): StageOutcome => ({
    name: stage.name,
    status,
    seconds: (performance.now() - startedAt) / 1000,
    artifact: directory,
  });
  if (options.force !== true && (await isCurrent(prepared))) {
    context.progress({ stage: stage.name, message: "up to date, skipped" });
    return outcome("skipped");
  }
  context.progress({ stage: stage.name });
  if (options.fresh === stage.name) await rm(partialPath(directory), { recursive: true, force: true });
  const { seed, compute, name, sections } = options.recipe;
  const about = aboutOf(name, sections.deploy?.settings);
  await execute(prepared, { ...context, seed }, { compute, about });
  return outcome("ran");
}

async function execute(
  prepared: PreparedStage,
  context: StageContext,
  run: Pick<StageRun<unknown>, "compute" | "about">,
): Promise<void> {
  const { stage, section, recorded, directory, inputs, manifestInputs, key } = prepared;
  await writeArtifact(
    {
      directory,
      kind: stage.kind,
      key,
      inputs: manifestInputs,
      settings: recorded,
      origins: section.origins,
      seed: context.seed,
      indexed: stage.indexed,
      isResumable: stage.isResumable,
    },
    (work) => stage.run({ ...context, ...run, settings: section.settings, inputs, work }),
  );
}

/** @throws SlmError INPUT_MISSING if an input's artifact or file does not exist */
async function prepare(
  stage: Stage,
  options: PipelineOptions,
  request: FilesRequest,
): Promise<PreparedStage> {
  const section = sectionOf(stage, options);
  const { path } = options.recipe;
  const recorded =
    path === undefined ? section.settings : relativeToRecipe(stage.section, section.settings, path);
  const stageInputs = inputsOf(stage, plannedStages(options)).map((input) => input.stage);
  const artifacts = await Promise.all(
    stageInputs.map((name) => inputArtifact(stage.name, name, join(options.out, name))),
  );
  const files = await Promise.all(
    (await stage.files(section.settings, request)).map(async ({ setting, path }): Promise<ManifestInput> => {
      return { name: setting, kind: "file", sha256: await hashInputFile(stage.name, setting, path) };
    }),
  );
  const manifestInputs = [...artifacts, ...files];
  const code = { slm: SLM_VERSION, stage: stage.name, revision: stage.revision };
  const { seed, compute } = options.recipe;
  const machine = stage.measuresThreads ? { threads: compute.threads ?? availableParallelism() } : {};
  return {
    stage,
    section,
    recorded,
    directory: join(options.out, stage.name),
    inputs: Object.fromEntries(stageInputs.map((name) => [name, join(options.out, name)])),
    manifestInputs,
    key: hashJson({ code, settings: recorded, inputs: manifestInputs, seed, ...machine }),
  };
}

async function isCurrent({ directory, key }: PreparedStage): Promise<boolean> {
  try {
    if ((await readManifest(directory)).key !== key) return false;
    return (await verifyDirectory(directory, { check: "bytes" })).problems.length === 0;
  } catch (error) {
    // No manifest, or an unreadable one: the stage cannot be skipped.
    if (error instanceof SlmError) return false;
    throw error;
  }
}

async function isPlannedCurrent(stage: Stage, options: PipelineOptions): Promise<boolean> {
  if (options.force === true) return false;
  const request = { progress: SILENT, signal: new AbortController().signal, mayFetch: false };
  return isCurrent(await prepare(stage, options, request));
}

async function inputArtifact(stage: string, input: string, directory: string): Promise<ManifestInput> {
  try {
    return await artifactInput(input, directory);
  } catch (error) {
    if (!(error instanceof SlmError) || error.code !== "INPUT_MISSING") throw error;
    throw new SlmError(
      "INPUT_MISSING",
      `${stage}: stage '${input}' has not been run: no ${directory}/manifest.json`,
      {
        context: { stage, input, directory },
        suggestions: ["run the recipe without --only and --from"],
        cause: error,
      },
    );
  }
}

async function hashInputFile(stage: string, setting: string, path: string): Promise<string> {
  try {
    return (await stat(path)).isDirectory() ? await hashFolder(path) : await hashFile(path);
  } catch (error) {
    const failure = readFailure(error, path);
    if (!(failure instanceof SlmError)) throw failure;
    throw new SlmError(failure.code, `${stage}.${setting}: ${failure.message}`, {
      context: { stage, setting, path },
      cause: error,
    });
  }
}

function sectionOf(stage: Stage, { recipe }: PipelineOptions): ResolvedSection {
  const section = recipe.sections[stage.name];
  if (section === undefined) throw new Error(`stage '${stage.name}' was planned without settings`);
  return section;
}
