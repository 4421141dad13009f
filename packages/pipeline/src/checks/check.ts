/** What can be known to be wrong before the first step is checked before the first step. */
import type { StageContext } from "@slm/core";
import type { PlannedCompute } from "../compute/planned-compute.js";

/** A run that is about to begin. */
export interface CheckRequest extends Pick<StageContext, "progress" | "signal"> {
  /** Settings of every stage of the run, by stage. */
  readonly sections: Readonly<Record<string, unknown>>;
  /** Stages that will run now. */
  readonly running: readonly string[];
  /** Artifacts that this run will read: those of stages that are done, or not selected. */
  readonly artifacts: Readonly<Record<string, string>>;
  readonly compute: PlannedCompute;
  /** Whether workers compute what can be divided. */
  readonly hasWorkers: boolean;
  /** Directory of the run. */
  readonly out: string;
}

/** One check. */
export interface Check {
  /** It is made if one of these stages runs. */
  readonly stages: readonly string[];
  /** Artifacts that it reads; it is made as soon as they are there. */
  readonly needs: readonly string[];
  /** @throws SlmError for what is wrong */
  readonly check: (request: CheckRequest) => Promise<void>;
}
