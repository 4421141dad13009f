import { dirname, join } from "node:path";
import { readRunLog, readSamples, SAMPLES_FILE, trainingPage } from "@slm/report";

export interface DistillReportOptions {
  /** The settings of the run, shown as a table. */
  readonly settings?: unknown;
}

/**
 * A self-contained HTML page about a run: its results, curves, samples and settings.
 *
 * Reads: the log, and `samples.jsonl` in the same directory if there is one.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID for a missing or invalid log.
 */
export async function distillReport(
  metricsFile: string,
  options: DistillReportOptions = {},
): Promise<string> {
  const { settings } = options;
  return trainingPage({
    title: "Distillation",
    log: await readRunLog(metricsFile),
    samples: await readSamples(join(dirname(metricsFile), SAMPLES_FILE)),
    settings,
  });
}
