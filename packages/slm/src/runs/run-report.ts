/** Training runs as a page and as event files for TensorBoard. */
import {
  compareRuns,
  lastStep,
  openEventFile,
  readRunLog,
  readSamples,
  samplesMarkdown,
  SAMPLES_FILE,
  trainingPage,
} from "@slm/report";
import { basename, dirname, join } from "node:path";
import { readRunArtifacts } from "@slm/pipeline/summary/run-artifacts";
import { summarizeStages } from "@slm/pipeline/summary/run-summary";
import { factsOf, headlineOf, modelsSection, parametersOf, titleOf } from "@slm/pipeline/summary/summary-page";
import type { TrainingRun } from "./training-runs.js";
import { workersOfStages } from "@slm/pipeline/workers/workers-section";

/** The page of one run, or a comparison of several. @throws SlmError DATA_INVALID for an invalid log */
export async function runsPage(runs: readonly TrainingRun[]): Promise<string> {
  const [run, ...others] = runs;
  if (run === undefined || others.length > 0) return compareRuns(runs);
  const log = await readRunLog(run.metricsFile);
  const samples = await readSamples(join(run.directory, SAMPLES_FILE));
  const root = dirname(run.directory);
  const { about, directories, manifests } = await readRunArtifacts(root);
  const stage = basename(run.directory);
  const common = { log, samples, settings: run.settings };
  // A log outside the directory of a recipe's run, or of a run in progress.
  if (directories[stage] === undefined) return trainingPage({ ...common, title: `Training of ${run.name}` });
  const summary = await summarizeStages(directories);
  const headline = headlineOf(summary);
  const date = new Date(run.endedAt * 1000).toISOString();
  return trainingPage({
    ...common,
    title: titleOf(about, stage === "teacher" ? "teacher" : undefined),
    facts: factsOf(about, { data: manifests.data, date, parameters: parametersOf(summary) }),
    headline: stage === "teacher" || headline.length === 0 ? undefined : headline,
    results: stage === "teacher" ? [] : [...modelsSection(summary), ...workersOfStages(manifests)],
  });
}

/**
 * Writes the event files of each run into a directory named after it. Files of an earlier call are replaced.
 *
 * @returns the runs whose log has no times; all their events get the end time of the run
 */
export async function writeEventFiles(
  runs: readonly TrainingRun[],
  directory: string,
): Promise<{ readonly untimed: readonly string[] }> {
  const untimed: string[] = [];
  for (const { name, metricsFile, directory: source, endedAt } of runs) {
    const log = await readRunLog(metricsFile);
    const samples = await readSamples(join(source, SAMPLES_FILE));
    // Resuming from step -1 keeps no event, not even of step 0.
    const events = await openEventFile(join(directory, name), { keepThroughStep: -1 });
    try {
      for (const { step, wallTime, values } of log.records)
        await events.append(step, wallTime ?? endedAt, Object.fromEntries(values));
      if (samples !== undefined && samples.rows.length > 0)
        await events.appendText(lastStep(log), endedAt, "samples", samplesMarkdown(samples));
    } finally {
      await events.close();
    }
    if (log.records.some(({ wallTime }) => wallTime === undefined)) untimed.push(name);
  }
  return { untimed };
}
