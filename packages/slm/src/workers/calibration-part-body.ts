/** The body of a job that collects the statistics of one part of a calibration. */
import { encodeTotals, ModelFeeds, totalsOfPart, type Feeds } from "@slm/quantization";
import type { Runtime } from "@slm/runtime";
import type { JobBody, JobRequest } from "@slm/extension-workers";
import { join } from "node:path";
import { withRuntime } from "@slm/pipeline/compute/open-engine";
import { feedsOfFiles } from "@slm/pipeline/models/calibration-rows";
import { CALIBRATED_GRAPH, readRows, readStatistics } from "@slm/pipeline/workers/calibration-task";
import { keptOpen } from "./kept-open.js";

const onRuntime = (threads: number, body: (runtime: Runtime) => Promise<void>): Promise<void> =>
  withRuntime(threads, body);

/** The graph with probes. */
const graphs = keptOpen(onRuntime, async (directory, runtime) => {
  const path = join(directory, CALIBRATED_GRAPH);
  const session = await runtime.load({ kind: "file", path }, { optimization: "none" });
  return { session, close: (): Promise<void> => session.release() };
});

/** The model whose graphs run before it. */
const models = keptOpen(onRuntime, (directory, runtime) => ModelFeeds.open(directory, runtime));

export const calibrationPartBody: JobBody = async (request) => {
  const { inputs, files, copies, threads, signal } = request;
  const statistics = await readStatistics(files, inputs["statistics"]!);
  const { value: graph } = await graphs.get(await copies.tree(inputs["graph"]!), threads);
  const { feeds, units } = await feedsOf(request);
  const totals = await totalsOfPart(graph.session, statistics, feeds, signal);
  return { outputs: { totals: await files.putBytes(encodeTotals(totals)) }, facts: {}, units };
};

/** The feeds of a job, and the number of their rows. */
async function feedsOf(
  request: JobRequest,
): Promise<{ readonly feeds: AsyncIterable<Feeds>; readonly units: number }> {
  const { inputs, copies, threads } = request;
  const rows = await readRows(request, inputs["rows"]!);
  if (rows.kind === "files") return { feeds: feedsOfFiles(rows.paths), units: rows.paths.length };
  const { value: model } = await models.get(await copies.tree(inputs["model"]!), threads);
  return { feeds: model.feeds(rows), units: rows.runs.flat().length };
}
