import { dirname, join } from "node:path";
import { readRunLog, readSamples, SAMPLES_FILE, trainingPage, type Fact } from "@slm/report";

/** Title. */
export interface ReportHead {
  readonly title: string;
  /** Lines below the title: run, date, data. */
  readonly facts: readonly Fact[];
}

export interface DistillReportOptions {
  /** The settings of the run, shown as a table. */
  readonly settings?: unknown;
  readonly page?: ReportHead | undefined;
}

/**
 * Creates a self-contained HTML report of a run: results, curves, samples and settings.
 *
 * Reads the log, and `samples.jsonl` in the same directory if it exists.
 *
 * @throws SlmError INPUT_MISSING or DATA_INVALID for a missing or invalid log.
 */
export async function distillReport(
  metricsFile: string,
  options: DistillReportOptions = {},
): Promise<string> {
  const { settings, page } = options;
  return trainingPage({
    title: page?.title ?? "Distillation",
    facts: page?.facts,
    log: await readRunLog(metricsFile),
    samples: await readSamples(join(dirname(metricsFile), SAMPLES_FILE)),
    settings,
  });
}
