/** Collects statistics of a graph's values over calibration data, part by part. */
import { SlmError, throwIfInterrupted } from "@slm/core";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { fetchedFloats, runOn, withSession, type Feeds, type FeedSource } from "./feeds.js";
import { addProbes } from "./probes.js";
import { accumulatorOf, type Statistic, type Totals } from "./statistics.js";

/** A statistic and the graph outputs from which it is computed. */
type ProbedStatistic = Statistic & { readonly outputs: readonly string[] };

/** What runs the graph, and over which data. */
export interface CollectOptions {
  readonly runtime: Runtime;
  readonly feeds: FeedSource;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Computes the totals of one part.
 *
 * @param session with the probed graph
 * @throws SlmError DATA_INVALID if feeds lack a tensor or a range is not finite; SHAPE_MISMATCH for a value that is not float32;
 * INTERRUPTED
 */
async function totalsOfPart(
  session: Session,
  statistics: readonly ProbedStatistic[],
  feeds: AsyncIterable<Feeds> | Iterable<Feeds>,
  signal?: AbortSignal,
): Promise<Totals> {
  const accumulators = statistics.map(accumulatorOf);
  const names = statistics.flatMap(({ outputs }) => outputs);
  for await (const batch of feeds) {
    if (signal !== undefined) throwIfInterrupted(signal, "quantize");
    const fetched = await runOn(session, batch, names);
    for (const [at, { outputs }] of statistics.entries())
      accumulators[at]!.add(outputs.map((name) => fetchedFloats(fetched, name)));
  }
  return accumulators.map(({ totals }) => totals);
}

/** Computes totals over all parts. @throws SlmError DATA_INVALID without data, because synthetic data would not represent real ranges; as {@link totalsOfPart} */
export async function collectTotals(
  graph: Graph,
  statistics: readonly Statistic[],
  { runtime, feeds, signal }: CollectOptions,
): Promise<Totals> {
  if (statistics.length === 0) return [];
  if (feeds.length === 0)
    throw new SlmError("DATA_INVALID", "quantize: calibration needs real data, got no rows", {
      suggestions: ["--calibration ROWS.jsonl"],
    });
  const accumulators = statistics.map(accumulatorOf);
  const probed = addProbes(
    graph,
    accumulators.map(({ probe }) => probe),
  );
  const placed = statistics.map((statistic, at) => ({ ...statistic, outputs: probed.outputs[at]! }));
  await withSession(runtime, probed.graph, async (session) => {
    for (const part of feeds) {
      const totals = await totalsOfPart(session, placed, part(), signal);
      for (const [at, some] of totals.entries()) accumulators[at]!.merge(some);
    }
  });
  return accumulators.map(({ totals }) => totals);
}
