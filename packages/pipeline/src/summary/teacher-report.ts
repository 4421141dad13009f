/** The report of a trained or fine-tuned teacher, written next to its checkpoint. */
import { readManifest, writeTextAtomic } from "@slm/core";
import { readRunLog, readSamples, SAMPLES_FILE, trainingPage } from "@slm/report";
import { METRICS_FILE } from "@slm/training";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { RunAbout } from "../stage/stage.js";
import { factsOf, titleOf } from "./summary-page.js";

export interface TeacherReportRequest {
  /** Directory of the teacher with its training log. */
  readonly directory: string;
  readonly dataDirectory: string;
  readonly about: RunAbout;
  readonly settings: unknown;
  readonly parameters: number;
}

/**
 * Writes `report.html`. Writes nothing if the teacher has no training log, because it was not trained here.
 *
 * @throws SlmError DATA_INVALID for an invalid log
 */
export async function writeTeacherReport(request: TeacherReportRequest): Promise<void> {
  const { directory, dataDirectory, about, settings, parameters } = request;
  const metricsFile = join(directory, METRICS_FILE);
  if (!existsSync(metricsFile)) return;
  const page = await trainingPage({
    title: titleOf(about, "teacher"),
    facts: factsOf(about, {
      data: await readManifest(dataDirectory),
      date: new Date().toISOString(),
      parameters: [["teacher", parameters]],
    }),
    log: await readRunLog(metricsFile),
    samples: await readSamples(join(directory, SAMPLES_FILE)),
    settings,
  });
  await writeTextAtomic(join(directory, "report.html"), page);
}
