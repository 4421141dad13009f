/** Runs stages in order, skipping those whose artifact was made from the same inputs, settings, seed and code. */
import {
  MANIFEST_FILE,
  SILENT,
  partialPath,
  recoverArtifact,
  requireWritable,
  throwIfInterrupted,
  withLock,
  writeArtifact,
  type StageContext,
} from "@slm/core";
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { CheckRequest } from "../checks/check.js";
import { checkFiles } from "../checks/check-files.js";
import { withRehearsedData } from "../checks/rehearse-data.js";
import { RunChecks } from "../checks/run-checks.js";
import { aboutOf } from "../summary/run-artifacts.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { plannedStages, prepare, sectionOf, stateOf, type PreparedStage } from "./prepared-stage.js";
import { requiredStages, selectStages } from "./selection.js";
import type { PlanRequest } from "./plan-request.js";
import type { Stage, StageEstimate, StageRun } from "./stage.js";

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

/**
 * Runs the selected stages of a recipe under a lock of the run's directory. The next call resumes an interrupted stage.
 *
 * @throws SlmError BUSY if another run holds the directory, OUTPUT_FAILED if the directory cannot be written, INPUT_MISSING if a stage outside the selection was never run, and whatever a stage throws.
 */
export async function runPipeline(
  options: PipelineOptions,
  context: StageContext,
): Promise<readonly StageOutcome[]> {
  const selected = selectStages(plannedStages(options), options.stages, options);
  await requireWritable(options.out);
  return withLock(options.out, async (lost) => {
    const signal = AbortSignal.any([context.signal, lost]);
    const outcomes: StageOutcome[] = [];
    const checks = new RunChecks();
    for (const [index, stage] of selected.entries()) {
      throwIfInterrupted(signal, stage.name);
      const check = async (): Promise<void> => {
        const request = checkRequest(selected.slice(index), selected, options);
        if (outcomes.every(({ status }) => status === "skipped"))
          await checkFiles(selected.slice(index), { ...request, ...context, signal });
        await checks.run({ ...request, ...context, signal });
      };
      outcomes.push(await doStage(stage, options, { ...context, signal }, check));
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

/**
 * What {@link runPipeline} would do. Reads artifacts, writes nothing. Everything that a run checks is checked; rows of files are read, as
 * the data stage reads them.
 *
 * @throws SlmError as `runPipeline` before its first step, OUTPUT_FAILED if `out` cannot be written
 */
export async function planPipeline(
  options: PipelineOptions,
  context: StageContext = {
    progress: SILENT,
    signal: new AbortController().signal,
    seed: options.recipe.seed,
  },
): Promise<readonly PlannedStage[]> {
  const selected = selectStages(plannedStages(options), options.stages, options);
  await requireWritable(options.out);
  const rerun = new Set<string>();
  const plan: PlannedStage[] = [];
  for (const stage of selected) {
    const isStale =
      stage.inputs.some((input) => rerun.has(input.stage)) || !(await isPlannedCurrent(stage, options));
    if (isStale) rerun.add(stage.name);
    const artifact = join(options.out, stage.name);
    const unfinished = options.fresh !== stage.name && existsSync(partialPath(artifact));
    const status = !isStale ? "would-skip" : unfinished ? "would-resume" : "would-run";
    plan.push({ name: stage.name, status, artifact, estimate: {} });
  }
  const running = selected.filter(({ name }) => rerun.has(name));
  if (running.length === 0) return plan;
  return checkedPlan({ plan, running, selected }, options, context);
}

interface DraftPlan {
  readonly plan: readonly PlannedStage[];
  /** Stages that will run. */
  readonly running: readonly Stage[];
  /** Stages of this call. */
  readonly selected: readonly Stage[];
}

/** Makes the checks of a run for a plan, and estimates its stages with the rows that it will read. */
async function checkedPlan(
  { plan, running, selected }: DraftPlan,
  options: PipelineOptions,
  context: StageContext,
): Promise<readonly PlannedStage[]> {
  const request = { ...checkRequest(running, selected, options), ...context };
  await checkFiles(running, request);
  const checks = new RunChecks();
  await checks.run(request);
  const { stages, recipe } = options;
  const { sections, artifacts } = request;
  const estimated: PlannedStage[] = [];
  await withRehearsedData({ stages, sections, artifacts, compute: recipe.compute, context }, async (made) => {
    await checks.run({ ...request, artifacts: made });
    // One after the other, because they measure this machine.
    for (const [index, stage] of selected.entries()) {
      const estimate = running.includes(stage)
        ? await stage.estimate(estimateRequest(stage, options, made))
        : {};
      estimated.push({ ...plan[index]!, estimate });
    }
  });
  return estimated;
}

/** What the checks of a run are told. @param running stages that will run, @param selected those of this call */
function checkRequest(
  running: readonly Stage[],
  selected: readonly Stage[],
  { recipe, stages, out, plannedFor, workers }: PipelineOptions,
): Omit<CheckRequest, "progress" | "signal"> {
  const sections = Object.entries(recipe.sections).map(([name, { settings }]) => [name, settings] as const);
  const isToDo = new Set(running.map(({ name }) => name));
  const isSelected = new Set(selected.map(({ name }) => name));
  const artifacts = stages
    .filter(
      ({ name }) => !isToDo.has(name) && (isSelected.has(name) || existsSync(join(out, name, MANIFEST_FILE))),
    )
    .map(({ name }) => [name, join(out, name)] as const);
  return {
    sections: Object.fromEntries(sections),
    running: [...isToDo],
    artifacts: Object.fromEntries(artifacts),
    compute: { ...recipe.compute, plannedFor },
    hasWorkers: workers !== undefined,
    out,
  };
}

/** @param made artifacts of this plan, which exist in place of those of the run */
function estimateRequest(
  stage: Stage,
  options: PipelineOptions,
  made: Readonly<Record<string, string>>,
): PlanRequest<unknown> {
  const { recipe, stages, out, plannedFor } = options;
  const artifacts = stages
    .map(({ name }) => [name, made[name] ?? join(out, name)] as const)
    .filter(([, directory]) => existsSync(join(directory, MANIFEST_FILE)));
  const sections = Object.entries(recipe.sections).map(([name, { settings }]) => [name, settings] as const);
  // A stage of a further target knows its inputs by the names of the first target's.
  const named = <T>(entries: readonly (readonly [string, T])[]): Readonly<Record<string, T>> =>
    Object.fromEntries([
      ...entries,
      ...stage.inputs.flatMap(({ stage: name, as }) =>
        entries.flatMap(([key, value]): [string, T][] =>
          as !== undefined && key === name ? [[as, value]] : [],
        ),
      ),
    ]);
  return {
    settings: sectionOf(stage, options).settings,
    sections: named(sections),
    artifacts: named(artifacts),
    compute: { ...recipe.compute, plannedFor },
  };
}

/** @param check called before the stage does anything, if it is not up to date; may throw */
async function doStage(
  stage: Stage,
  options: PipelineOptions,
  context: StageContext,
  check: () => Promise<void>,
): Promise<StageOutcome> {
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
  const { isCurrent, damage } = await stateOf(prepared);
  if (options.force !== true && isCurrent) {
    context.progress({ stage: stage.name, message: "up to date, skipped" });
    return outcome("skipped");
  }
  if (damage !== undefined)
    context.progress({ stage: stage.name, message: `${damage}; it is made again`, isNote: true });
  await check();
  context.progress({ stage: stage.name });
  if (options.fresh === stage.name) await rm(partialPath(directory), { recursive: true, force: true });
  const { seed, compute, name, sections } = options.recipe;
  const about = aboutOf(name, sections.deploy?.settings);
  await execute(prepared, { ...context, seed }, { compute, about, workers: options.workers });
  return outcome("ran");
}

async function execute(
  prepared: PreparedStage,
  context: StageContext,
  run: Pick<StageRun<unknown>, "compute" | "about" | "workers">,
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
      records: stage.records,
      isResumable: stage.isResumable,
    },
    (work) => stage.run({ ...context, ...run, settings: section.settings, inputs, work }),
  );
}

async function isPlannedCurrent(stage: Stage, options: PipelineOptions): Promise<boolean> {
  if (options.force === true) return false;
  const request = { progress: SILENT, signal: new AbortController().signal, mayFetch: false };
  return (await stateOf(await prepare(stage, options, request))).isCurrent;
}
