import type { StageContext } from "@slm/artifact";
import type { Engine } from "@slm/tensor";

export interface DistillInputs {
  readonly dataDirectory: string;
  readonly tokenizerDirectory: string;
  /** Needed unless the student learns from labels alone. */
  readonly teacherDirectory?: string | undefined;
  /** The teacher's distributions over the data's targets; made for the run where absent. */
  readonly cacheDirectory?: string | undefined;
  /** Receives the checkpoint; state of an interrupted run is found here. */
  readonly workDirectory: string;
  readonly engine: Engine;
  readonly context: StageContext;
}
