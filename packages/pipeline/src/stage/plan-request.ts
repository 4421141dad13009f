/** What is known of a stage before it runs, and the files outside the run that it reads. */
import type { StageContext } from "@slm/core";
import type { PlannedCompute } from "../compute/planned-compute.js";

/** A file or folder outside all artifacts that a stage reads. A change of its contents makes the stage run again, as for an input. */
export interface StageFile {
  /** Dotted key of the setting that names it. */
  readonly setting: string;
  readonly path: string;
}

/** Options for finding a stage's files. */
export interface FilesRequest extends Pick<StageContext, "progress" | "signal"> {
  /** Whether missing files may be downloaded. Otherwise they are left out, and the stage counts as not yet run. */
  readonly mayFetch: boolean;
}

/** What is known of a stage before it runs. */
export interface PlanRequest<Settings> {
  readonly settings: Settings;
  /** Settings of every planned stage, as the recipe has them. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Existing artifacts of earlier stages, by stage. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly compute: PlannedCompute;
}
