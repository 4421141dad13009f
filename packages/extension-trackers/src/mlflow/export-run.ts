/** Writes training runs to MLflow: their settings as parameters, their curves and results as metrics. */
import { createHash } from "node:crypto";
import { flattenSettings, lastStep, type TrackedRun } from "@slm/report";
import { z } from "zod";
import type { MlflowClient } from "./mlflow-client.js";

/** Most entries per request, by MLflow's limits. */
const METRICS_PER_REQUEST = 1000;
const PARAMETERS_PER_REQUEST = 100;
/** Longest parameter value that MLflow accepts [characters]. */
const VALUE_LIMIT = 6000;
/** MLflow tag with the id of slm's run. */
const RUN_TAG = "slm.run";

export interface ExportedRun {
  readonly experimentId: string;
  readonly runId: string;
  /** Values written, each at its step. */
  readonly metrics: number;
}

const nothing = z.looseObject({});
const experiment = z.looseObject({ experiment: z.looseObject({ experiment_id: z.string() }) });
const createdExperiment = z.looseObject({ experiment_id: z.string() });
const info = z.looseObject({ info: z.looseObject({ run_id: z.string() }) });
const createdRun = z.looseObject({ run: info });
const foundRuns = z.looseObject({ runs: z.array(info).optional() });

interface MetricEntry {
  readonly key: string;
  readonly value: number;
  /** [ms since 1970] */
  readonly timestamp: number;
  readonly step: number;
}

/**
 * Writes one run to an experiment, which is created if it does not exist. If the run was exported before, adds what is new: MLflow keeps one
 * value per metric, step and time.
 *
 * @throws SlmError as {@link MlflowClient}
 */
export async function exportRun(
  client: MlflowClient,
  experimentName: string,
  run: TrackedRun,
): Promise<ExportedRun> {
  const experimentId = await experimentOf(client, experimentName);
  const tag = createHash("sha256").update(run.identity).digest("hex");
  const runId =
    (await findRun(client, experimentId, tag)) ?? (await createRun(client, experimentId, tag, run));
  const parameters = [...(run.settings === undefined ? [] : flattenSettings(run.settings))]
    .map(([key, value]) => ({ key: keyOf(key), value: value.slice(0, VALUE_LIMIT) }))
    .filter(({ value }) => value !== "");
  for (const params of piecesOf(parameters, PARAMETERS_PER_REQUEST))
    await client.post("runs/log-batch", { run_id: runId, params }, nothing);
  const metrics = metricsOf(run);
  for (const piece of piecesOf(metrics, METRICS_PER_REQUEST))
    await client.post("runs/log-batch", { run_id: runId, metrics: piece }, nothing);
  const ended = run.isFinished
    ? { status: "FINISHED", end_time: millisecondsOf(run.endedAt) }
    : { status: "RUNNING" };
  await client.post("runs/update", { run_id: runId, ...ended }, nothing);
  return { experimentId, runId, metrics: metrics.length };
}

async function experimentOf(client: MlflowClient, name: string): Promise<string> {
  const found = await client.get("experiments/get-by-name", { experiment_name: name }, experiment);
  if (found !== undefined) return found.experiment.experiment_id;
  return (await client.post("experiments/create", { name }, createdExperiment)).experiment_id;
}

async function findRun(client: MlflowClient, experimentId: string, tag: string): Promise<string | undefined> {
  const { runs = [] } = await client.post(
    "runs/search",
    { experiment_ids: [experimentId], filter: `tags.\`${RUN_TAG}\` = '${tag}'`, max_results: 1 },
    foundRuns,
  );
  return runs[0]?.info.run_id;
}

async function createRun(
  client: MlflowClient,
  experimentId: string,
  tag: string,
  { name, log, endedAt }: TrackedRun,
): Promise<string> {
  const { run } = await client.post(
    "runs/create",
    {
      experiment_id: experimentId,
      run_name: name,
      start_time: millisecondsOf(
        log.records.find(({ wallTime }) => wallTime !== undefined)?.wallTime ?? endedAt,
      ),
      tags: [
        { key: RUN_TAG, value: tag },
        { key: "mlflow.source.name", value: "slm" },
      ],
    },
    createdRun,
  );
  return run.info.run_id;
}

function metricsOf({ log, results, endedAt }: TrackedRun): readonly MetricEntry[] {
  const curves = log.records.flatMap(({ step, wallTime, values }) =>
    [...values].map(([key, value]) => ({
      key: keyOf(key),
      value,
      step,
      timestamp: millisecondsOf(wallTime ?? endedAt),
    })),
  );
  const step = lastStep(log);
  const last = Object.entries(results).map(([key, value]) => {
    return { key: keyOf(key), value, step, timestamp: millisecondsOf(endedAt) };
  });
  return [...curves, ...last];
}

/** MLflow accepts letters, digits, and `_ - . / : space`. */
const keyOf = (key: string): string => key.replaceAll(/[^\w\-. /:]/gu, "_");

const millisecondsOf = (seconds: number): number => Math.round(seconds * 1000);

function* piecesOf<Item>(items: readonly Item[], size: number): Generator<readonly Item[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size);
}
