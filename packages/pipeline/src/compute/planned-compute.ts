import type { Compute } from "./compute.js";
import type { MeasuredDevice } from "./device-rates.js";

/** What a run is planned with. */
export interface PlannedCompute extends Compute {
  /** A device that was measured elsewhere, for which the run is planned and not executed. */
  readonly plannedFor?: MeasuredDevice | undefined;
}
