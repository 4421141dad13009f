/** Runs stages in order. A stage is skipped if its artifact was made from the same inputs, settings, seed and code. */
import {
  removePath,
  partialPath,
  recoverArtifact,
  requireWritable,
  throwIfInterrupted,
  withLock,
  writeArtifact,
  type StageContext,
} from "@slm/core";
import { join } from "node:path";
import { aboutOf } from "../summary/run-artifacts.js";
import { formatSeconds } from "@slm/core/format";
import { estimateRequest } from "./estimate-request.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { plannedStages, prepare, stateOf, type PreparedStage } from "./prepared-stage.js";
import { noteStaleInputs } from "./stale-inputs.js";
import { RunChecks } from "./run-checks.js";
import { requiredStages, selectStages } from "./selection.js";
import type { Stage, StageRun } from "../stage/stage.js";

export interface StageOutcome {
  readonly name: string;
  readonly status: "ran" | "skipped";
  readonly seconds: number;
  /** Directory of the stage's artifact. */
  readonly artifact: string;
}

/**
 * Runs the selected stages of a recipe under a lock of the run's directory. The next call resumes an interrupted stage.
 *
 * @throws SlmError BUSY if another run uses the directory, OUTPUT_FAILED if the directory cannot be written, INPUT_MISSING if a stage
 * outside the selection was never run, and all errors of stages.
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
    await noteStaleInputs(selected, options, context);
    const running = { options, context: { ...context, signal }, checks: new RunChecks(options, selected) };
    for (const [index, stage] of selected.entries()) {
      throwIfInterrupted(signal, stage.name);
      outcomes.push(await runStage(selected.slice(index), running));
    }
    return outcomes;
  });
}

/**
 * Directories of the stages in `outcomes` and of all stages that they depend on, by stage. Later stages are left out, because their
 * artifacts may come from earlier settings.
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

interface Running {
  readonly options: PipelineOptions;
  readonly context: StageContext;
  readonly checks: RunChecks;
}

/** Runs the first of these stages unless its artifact is up to date. Before that, it runs the checks for this stage and later ones. */
async function runStage(
  left: readonly Stage[],
  { options, context, checks }: Running,
): Promise<StageOutcome> {
  const stage = left[0]!;
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
    context.progress({ stage: stage.name, message: `${damage}; the stage runs again`, isNote: true });
  await checks.run(left, context);
  const estimate =
    options.estimates === true ? await stage.estimate(estimateRequest(stage, options, {})) : {};
  const { seconds } = estimate;
  context.progress(
    seconds === undefined
      ? { stage: stage.name }
      : { stage: stage.name, message: `estimate: about ${formatSeconds(seconds)}`, isNote: true },
  );
  if (options.fresh === stage.name) await removePath(partialPath(directory));
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
