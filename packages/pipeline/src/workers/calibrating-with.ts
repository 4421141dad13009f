/** Runs a quantization with what collects its statistics over calibration rows: this machine, or workers. */
import { SlmError } from "@slm/core/errors";
import type { Collector } from "@slm/quantization";
import type { CalibrationShares, CalibrationWork } from "./calibration-workers.js";
import type { WorkersAddress } from "./workers-address.js";

export interface CalibratingRequest extends CalibrationWork {
  /** Absent: this machine collects. */
  readonly workers: WorkersAddress | undefined;
}

/**
 * Runs `body` with what collects; without workers that is nothing, and the machine itself does.
 *
 * @returns its result; with workers, which of them did how much
 */
export async function calibratingWith<Result extends object>(
  { workers, ...work }: CalibratingRequest,
  body: (collector: Collector | undefined) => Promise<Result>,
): Promise<Result & Partial<CalibrationShares>> {
  if (workers === undefined) return body(undefined);
  const { withCalibrationWorkers } = await import("./calibration-workers.js");
  return withCalibrationWorkers(workers, work, body);
}

/** Workers have something to do only where there are rows. @throws SlmError USAGE */
export function requireCalibrationRows(calibration: string | undefined): void {
  if (calibration !== undefined) return;
  throw new SlmError("USAGE", "--workers: workers collect statistics of calibration rows, got none", {
    suggestions: ["--calibration ROWS.jsonl", "leave --workers out"],
  });
}
