/** What a stage can read before it runs: settings, earlier artifacts, and files outside the run. */
import type { StageContext } from "@slm/core";
import type { Compute } from "@slm/models/compute";

/** A file or folder outside the run that a stage reads. If its content changes, the stage runs again. */
export interface StageFile {
  /** Dotted key of the setting with its path. */
  readonly setting: string;
  readonly path: string;
}

/** Options for finding a stage's files. */
export interface FilesRequest extends Pick<StageContext, "progress" | "signal"> {
  /** Whether missing files may be downloaded. If not, they are left out, and the stage counts as not run yet. */
  readonly mayFetch: boolean;
}

/** What is known of a stage before it runs. */
export interface PlanRequest<Settings> {
  readonly settings: Settings;
  /** Settings of every planned stage, as in the recipe. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Existing artifacts of earlier stages, by stage. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly compute: Compute;
}
