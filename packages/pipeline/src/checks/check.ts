/** Checks that run before the first training step, so that a wrong setting fails at once and not after hours. */
import type { StageContext } from "@slm/core";
import type { Compute } from "@slm/models/compute";

/** A run that is about to start. */
export interface CheckRequest extends Pick<StageContext, "progress" | "signal"> {
  /** Settings of every stage of the run, by stage. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Stages that will run now. */
  readonly running: readonly string[];
  /** Artifacts that this run will read, of stages that are finished or not selected. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly compute: Compute;
  /** Whether workers run the parts that can be divided. */
  readonly hasWorkers: boolean;
  /** Directory of the run. */
  readonly out: string;
}

/** One check. */
export interface Check {
  /** The check runs if one of these stages runs. */
  readonly stages: readonly string[];
  /** Artifacts that it reads; the check runs as soon as they exist. */
  readonly needs: readonly string[];
  /** @throws SlmError if the check fails */
  readonly check: (request: CheckRequest) => Promise<void> | void;
}
