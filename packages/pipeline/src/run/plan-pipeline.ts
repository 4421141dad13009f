/** What a run would do: which stages, and an estimate of each. */
import { SILENT, partialPath, requireWritable, type StageContext } from "@slm/core";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { withRehearsedData } from "../checks/rehearse-data.js";
import type { Stage, StageEstimate } from "../stage/stage.js";
import { estimateRequest } from "./estimate-request.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { plannedStages } from "./prepared-stage.js";
import { isUpToDate, noteStaleInputs } from "./stale-inputs.js";
import { RunChecks } from "./run-checks.js";
import type { StageOutcome } from "./run-pipeline.js";
import { selectStages } from "./selection.js";

export interface PlannedStage extends Omit<StageOutcome, "status" | "seconds"> {
  readonly status: "would-run" | "would-resume" | "would-skip";
  readonly estimate: StageEstimate;
}

/**
 * What `runPipeline` would do. Reads artifacts, writes nothing. Everything that a run checks is checked; rows of files are read, as
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
  await noteStaleInputs(selected, options, context);
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

interface UncheckedPlan {
  readonly plan: readonly PlannedStage[];
  /** Stages that will run. */
  readonly running: readonly Stage[];
  /** Stages of this call. */
  readonly selected: readonly Stage[];
}

/** Makes the checks of a run for a plan, and estimates its stages with the rows that it will read. */
async function checkedPlan(
  { plan, running, selected }: UncheckedPlan,
  options: PipelineOptions,
  context: StageContext,
): Promise<readonly PlannedStage[]> {
  const checks = new RunChecks(options, selected);
  const { sections, artifacts } = await checks.run(running, context);
  const { stages, recipe } = options;
  const estimated: PlannedStage[] = [];
  await withRehearsedData({ stages, sections, artifacts, compute: recipe.compute, context }, async (made) => {
    await checks.run(running, context, made);
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

async function isPlannedCurrent(stage: Stage, options: PipelineOptions): Promise<boolean> {
  return options.force !== true && isUpToDate(stage, options);
}
