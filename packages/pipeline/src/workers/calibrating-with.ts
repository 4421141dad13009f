/** Runs a quantization and collects its calibration statistics on this machine or on workers. */
import { SlmError } from "@slm/core/errors";
import type { Collector } from "@slm/quantization";
import type { CalibrationShares, CalibrationWork } from "./calibration-workers.js";
import type { WorkersAddress } from "./workers-address.js";

export interface CalibratingRequest extends CalibrationWork {
  /** Absent: this machine collects the statistics. */
  readonly workers: WorkersAddress | undefined;
}

/**
 * Runs `body` with the collector of the workers; without workers, `body` gets none and this machine collects.
 *
 * @returns its result; with workers, also the work of each worker
 */
export async function calibratingWith<Result extends object>(
  { workers, ...work }: CalibratingRequest,
  body: (collector: Collector | undefined) => Promise<Result>,
): Promise<Result & Partial<CalibrationShares>> {
  if (workers === undefined) return body(undefined);
  const { withCalibrationWorkers } = await import("./calibration-workers.js");
  return withCalibrationWorkers(workers, work, body);
}

/** Workers are useful only if there are calibration rows. @throws SlmError USAGE */
export function requireCalibrationRows(calibration: string | undefined): void {
  if (calibration !== undefined) return;
  throw new SlmError(
    "USAGE",
    "--workers needs calibration rows, which the workers compute statistics on; got none",
    {
      suggestions: ["--calibration ROWS.jsonl", "leave --workers out"],
    },
  );
}
