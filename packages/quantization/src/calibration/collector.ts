/**
 * Collects statistics of a graph's values over calibration data, part by part. The totals of the parts are computed independently and
 * merged in order, so the result is the same to the last bit, no matter which machine computes which part.
 */
import { SlmError, throwIfInterrupted } from "@slm/core";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { fetchedFloats, runOn, withSession, type Feeds, type FeedSource } from "./feeds.js";
import { addProbes } from "./probes.js";
import { accumulatorOf, type Statistic, type Totals } from "./statistics.js";

/** A statistic and the graph outputs from which it is computed. */
export type ProbedStatistic = Statistic & { readonly outputs: readonly string[] };

/** Statistics to collect. */
interface CollectRequest {
  /** Includes the probes of the statistics. Runs without optimization, so that fused operators do not change values. */
  readonly graph: Graph;
  readonly statistics: readonly ProbedStatistic[];
  readonly feeds: FeedSource;
}

/** Computes the totals of parts, on this machine or on others. */
export interface Collector {
  /** Yields the totals of every part, in order. @throws SlmError as {@link totalsOfPart} */
  collect(request: CollectRequest, accept: (totals: Totals) => void): Promise<void>;
}

/** How to collect statistics, and over which data. */
export interface CollectOptions {
  readonly collector: Collector;
  readonly feeds: FeedSource;
}

/**
 * Computes the totals of one part.
 *
 * @param session with the probed graph
 * @throws SlmError DATA_INVALID if feeds lack a tensor or a range is not finite; SHAPE_MISMATCH for a value that is not float32;
 * INTERRUPTED
 */
export async function totalsOfPart(
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

/** Collects on this machine, one part after the other. */
export function localCollector(runtime: Runtime, signal?: AbortSignal): Collector {
  return {
    collect: ({ graph, statistics, feeds }, accept) =>
      withSession(runtime, graph, async (session) => {
        for (const part of feeds) accept(await totalsOfPart(session, statistics, part.feeds(), signal));
      }),
  };
}

/** Computes totals over all parts. * @throws SlmError DATA_INVALID without data, because synthetic data would not represent real ranges; as {@link totalsOfPart}
 */
export async function collectTotals(
  graph: Graph,
  statistics: readonly Statistic[],
  { collector, feeds }: CollectOptions,
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
  let parts = 0;
  await collector.collect({ graph: probed.graph, statistics: placed, feeds }, (totals) => {
    for (const [at, part] of totals.entries()) accumulators[at]!.merge(part);
    parts += 1;
  });
  if (parts !== feeds.length)
    throw new SlmError(
      "UNEXPECTED",
      `quantize: calibration: expected ${feeds.length} parts of the data, got ${parts}`,
    );
  return accumulators.map(({ totals }) => totals);
}
