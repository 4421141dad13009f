/** What a stage is told to estimate its time and memory. */
import { MANIFEST_FILE } from "@slm/core";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { PlanRequest } from "../stage/plan-request.js";
import type { Stage } from "../stage/stage.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { sectionOf } from "./prepared-stage.js";

/** @param made artifacts of this plan, which exist in place of those of the run */
export function estimateRequest(
  stage: Stage,
  options: PipelineOptions,
  made: Readonly<Record<string, string>>,
): PlanRequest<unknown> {
  const { recipe, stages, out } = options;
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
    compute: recipe.compute,
  };
}
