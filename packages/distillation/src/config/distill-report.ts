import { dirname, join } from "node:path";
import { readRunLog, readSamples, SAMPLES_FILE, trainingPage, type Fact } from "@slm/report";

/** What the run is about. */
export interface ReportHead {
  readonly title: string;
  /** Run, date, data. */
  readonly facts: readonly Fact[];
}

export interface DistillReportOptions {
  /** The settings of the run, shown as a table. */
  readonly settings?: unknown;
  readonly page?: ReportHead | undefined;
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
  const { settings, page } = options;
  return trainingPage({
    title: page?.title ?? "Distillation",
    facts: page?.facts,
    log: await readRunLog(metricsFile),
    samples: await readSamples(join(dirname(metricsFile), SAMPLES_FILE)),
    settings,
  });
}
