import type { MeasuredDevice } from "../compute/device-rates.js";
import type { ResolvedRecipe } from "../recipe/resolve-recipe.js";
import type { WorkersAddress } from "../workers/workers-address.js";
import type { SelectionOptions } from "./selection.js";
import type { Stage } from "../stage/stage.js";

/** A recipe, the stages of it that run, and where. */
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
  /** Tells the estimated time of each stage before it starts, which measures a training step. */
  readonly estimates?: boolean | undefined;
  /** A device that was measured elsewhere, for which the run is planned. */
  readonly plannedFor?: MeasuredDevice | undefined;
  /** Machines that do what can be divided; results do not depend on them. */
  readonly workers?: WorkersAddress | undefined;
}
