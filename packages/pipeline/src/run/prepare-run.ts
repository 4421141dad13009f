/** Resolves a recipe and flags to a run, for `slm run` and for commands that run one stage. */
import { SlmError } from "@slm/core/errors";
import { join } from "node:path";
import { withFurtherTargets } from "../stage/further-targets.js";
import type { PipelineOptions } from "./pipeline-options.js";
import { requiredStages, type SelectionOptions } from "./selection.js";
import { STAGES, sectionSchemas } from "./stage-table.js";
import {
  printRecipe,
  resolveRecipe,
  type RecipeSources,
  type ResolvedRecipe,
} from "../recipe/resolve-recipe.js";

export interface RunRequest extends SelectionOptions {
  readonly recipe: RecipeSources;
  readonly out?: string | undefined;
  readonly force?: boolean | undefined;
  /** Stages to run in addition to those in the recipe. */
  readonly stages?: readonly string[] | undefined;
  /** A stage that starts over; its unfinished work is deleted. */
  readonly fresh?: string | undefined;
}

/** Resolves the settings of a run. @throws SlmError INPUT_MISSING, USAGE, CONFIG_INVALID */
export async function preparePipeline(request: RunRequest): Promise<PipelineOptions> {
  const recipe = await resolveRecipe(request.recipe, (mentioned) => {
    const stages = withFurtherTargets(STAGES, mentioned);
    const names = stages.map(({ name }) => name);
    return {
      schemas: sectionSchemas(stages),
      neededBy: (named) =>
        requiredStages(stages, [...names.filter((name) => named.includes(name)), ...(request.stages ?? [])]),
    };
  });
  const stages = withFurtherTargets(STAGES, Object.keys(recipe.sections));
  if (Object.keys(recipe.sections).length === 0) {
    const known = stages.map(({ name }) => name);
    throw new SlmError(
      "CONFIG_INVALID",
      `${request.recipe.path ?? "recipe"}: the recipe has no sections, so there is nothing to run; sections: ${known.join(", ")}`,
    );
  }
  const { out = join("runs", recipe.name), force, only, from, fresh } = request;
  return { recipe, stages, out, force, only, from, fresh };
}

/** Result of `--print-config`. */
export interface PrintedConfig {
  readonly config: ResolvedRecipe;
  /** The settings as a recipe, with the origin of every value in a comment. */
  readonly yaml: string;
}

/** The resolved settings of a recipe, with the origin of each. */
export function printConfig({ recipe }: Pick<PipelineOptions, "recipe">): PrintedConfig {
  return { config: recipe, yaml: printRecipe(recipe) };
}
