import type { Compute } from "./compute.js";
import type { MeasuredDevice } from "./device-rates.js";

/** The engine and device that a run is planned for. */
export interface PlannedCompute extends Compute {
  /** A device measured on another machine. The run is planned for it and cannot be executed. */
  readonly plannedFor?: MeasuredDevice | undefined;
}
