/** Runs on an MLflow tracking server: curves, settings and the results of the finished models. */
import { exportRun, MlflowClient, readRunLog, type ExportedRun } from "@slm/report";
import { dirname } from "node:path";
import type { RunSummary } from "@slm/pipeline/summary/run-summary";
import { readRunArtifacts } from "@slm/pipeline/summary/run-artifacts";
import { summarizeStages } from "@slm/pipeline/summary/run-summary";
import type { TrainingRun } from "./training-runs.js";

export interface MlflowRequest {
  readonly url: string;
  readonly experiment: string;
  /** Holds the credentials, under the names that MLflow's own clients read. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

/** Writes the runs, one after the other. @throws SlmError as `exportRun`, and DATA_INVALID for an invalid log or manifest */
export async function exportRuns(
  runs: readonly TrainingRun[],
  { url, experiment, environment, signal }: MlflowRequest,
): Promise<readonly ExportedRun[]> {
  const {
    MLFLOW_TRACKING_TOKEN: token,
    MLFLOW_TRACKING_USERNAME: name,
    MLFLOW_TRACKING_PASSWORD: password = "",
  } = environment;
  const user = name === undefined ? undefined : { name, password };
  const client = new MlflowClient({ url, token, user, signal });
  const exported: ExportedRun[] = [];
  for (const run of runs) {
    const log = await readRunLog(run.metricsFile);
    const { directories } = await readRunArtifacts(dirname(run.directory));
    // The results are those of the run's student.
    const results =
      run.directory === directories.distill ? resultsOf(await summarizeStages(directories)) : {};
    const began = log.records.find(({ wallTime }) => wallTime !== undefined)?.wallTime ?? 0;
    exported.push(
      await exportRun(client, experiment, {
        name: run.name,
        // The directory is renamed when a run is finished, and the run stays the same.
        identity: JSON.stringify([run.directory.replace(/\.partial$/u, ""), began]),
        log,
        settings: run.settings,
        results,
        endedAt: run.endedAt,
        isFinished: run.settings !== undefined,
      }),
    );
  }
  return exported;
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
