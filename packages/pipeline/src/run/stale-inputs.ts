/** Tells when a part of a recipe runs on artifacts that were made with other settings. */
import { MANIFEST_FILE, SILENT, type StageContext } from "@slm/core";
import { SlmError } from "@slm/core/errors";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Stage } from "../stage/stage.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { plannedStages, prepare, stateOf } from "./prepared-stage.js";
import { requiredStages } from "./selection.js";

/** Whether a stage's artifact was made from its present inputs and settings. @throws SlmError as `prepare` */
export async function isUpToDate(stage: Stage, options: PipelineOptions): Promise<boolean> {
  const request = { progress: SILENT, signal: new AbortController().signal, mayFetch: false };
  return (await stateOf(await prepare(stage, options, request))).isCurrent;
}

/**
 * With `--only` and `--from`, stages before the selection do not run. Where the recipe would make one of them again, the run uses the old
 * artifact, and a note says so.
 */
export async function noteStaleInputs(
  selected: readonly Stage[],
  options: PipelineOptions,
  { progress }: Pick<StageContext, "progress">,
): Promise<void> {
  const planned = plannedStages(options);
  const names = planned.map(({ name }) => name);
  const read = requiredStages(
    options.stages,
    selected.map(({ name }) => name),
    names,
  );
  const before = planned.filter((stage) => read.includes(stage.name) && !selected.includes(stage));
  for (const stage of before) {
    const isThere = existsSync(join(options.out, stage.name, MANIFEST_FILE));
    if (!isThere || (await isUpToDate(stage, options).catch(ignoreUnreadable))) continue;
    progress({
      stage: stage.name,
      message: `was made with other settings or inputs and is not part of this call: --from ${stage.name} makes it again`,
      isNote: true,
    });
    return;
  }
}

/** The stage that reads an artifact reports what is wrong with it. */
function ignoreUnreadable(error: unknown): true {
  if (error instanceof SlmError) return true;
  throw error;
}
