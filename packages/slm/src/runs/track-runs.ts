/** Records runs with experiment trackers: curves, settings, and results of the finished models. */
import { SlmError } from "@slm/core/errors";
import { readRunLog, TRACKERS, type Tracker, type TrackerTarget } from "@slm/report";
import { dirname } from "node:path";
import { useOwnTrackers } from "@slm/models/own-extensions";
import type { RunSummary } from "@slm/pipeline/summary/run-summary";
import { readRunArtifacts } from "@slm/pipeline/summary/run-artifacts";
import { summarizeStages } from "@slm/pipeline/summary/run-summary";
import type { TrainingRun } from "./training-runs.js";

/** A tracker's report about a run that it recorded. */
export type RecordedRun = Readonly<Record<string, unknown>>;

/**
 * Records the runs, one after the other.
 *
 * @param tracker name of a row of {@link TRACKERS}
 * @throws SlmError USAGE for an unknown tracker, DATA_INVALID for an invalid log or manifest, and as the tracker does
 */
export async function trackRuns(
  runs: readonly TrainingRun[],
  tracker: string,
  target: TrackerTarget,
): Promise<readonly RecordedRun[]> {
  const { record } = await trackerOf(tracker);
  const recorded: RecordedRun[] = [];
  for (const run of runs) {
    const log = await readRunLog(run.metricsFile);
    const { directories } = await readRunArtifacts(dirname(run.directory));
    // Only the run's student has results.
    const results =
      run.directory === directories.distill ? resultsOf(await summarizeStages(directories)) : {};
    const began = log.records.find(({ wallTime }) => wallTime !== undefined)?.wallTime ?? 0;
    const tracked = {
      name: run.name,
      // The identity must not depend on the directory's name, which changes when the run finishes.
      identity: JSON.stringify([run.directory.replace(/\.partial$/u, ""), began]),
      log,
      settings: run.settings,
      results,
      endedAt: run.endedAt,
      isFinished: run.settings !== undefined,
    };
    recorded.push(await record(tracked, target));
  }
  return recorded;
}

async function trackerOf(name: string): Promise<Tracker> {
  await useOwnTrackers();
  const tracker = TRACKERS.get(name);
  if (tracker !== undefined) return tracker;
  throw new SlmError("USAGE", `--track: expected a tracker of ${TRACKERS.names.join(", ")}, got '${name}'`, {
    context: { tracker: name, known: TRACKERS.names },
    suggestions: ["slm report RUN --track mlflow=http://127.0.0.1:5000"],
  });
}

/** Figures of the deployed model. */
function resultsOf({ models, heldOut, student }: RunSummary): Readonly<Record<string, number>> {
  const deployed = models.find(({ role }) => role === "deployed");
  if (deployed === undefined) return {};
  const split = heldOut?.split ?? "test";
  const metrics = Object.entries(deployed.metrics).map(
    ([name, { value }]) => [`${split}.${name}`, value] as const,
  );
  const figures = [
    ["deployed.bytes", deployed.bytes],
    ["deployed.parameters", student?.parameters],
    ["deployed.firstTokenMs", deployed.firstTokenMs?.value],
    ["deployed.tokensPerSecond", deployed.tokensPerSecond?.value],
  ] as const;
  return Object.fromEntries([
    ...metrics,
    ...figures.flatMap(([key, value]) => (value === undefined ? [] : [[key, value] as const])),
  ]);
}
