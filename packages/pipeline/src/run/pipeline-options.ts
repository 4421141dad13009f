import type { ResolvedRecipe } from "../recipe/resolve-recipe.js";
import type { WorkersAddress } from "../workers/workers-address.js";
import type { SelectionOptions } from "./selection.js";
import type { Stage } from "../stage/stage.js";

/** A recipe, its stages to run, and where to run them. */
export interface PipelineOptions extends SelectionOptions {
  readonly recipe: ResolvedRecipe;
  /** All stages, in order. */
  readonly stages: readonly Stage[];
  /** Directory of the run: one directory per stage. */
  readonly out: string;
  /** Runs the selected stages even if nothing changed. */
  readonly force?: boolean | undefined;
  /** A stage that starts over: its unfinished work from an interrupted run is deleted. A finished artifact is kept. */
  readonly fresh?: string | undefined;
  /** Tells the estimated time of each stage before it starts, which measures a training step. */
  readonly estimates?: boolean | undefined;
  /** Workers for the parts that can be divided. Results do not depend on them. */
  readonly workers?: WorkersAddress | undefined;
}
