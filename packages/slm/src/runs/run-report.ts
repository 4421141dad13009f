/** Renders training runs as a page. */
import { compareRuns, readRunLog, readSamples, SAMPLES_FILE, trainingPage } from "@slm/report";
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
  // The log is outside the directory of a recipe's run, or the run is in progress.
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
