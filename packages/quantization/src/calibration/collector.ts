/**
 * Collects statistics of a graph's values over calibration data, part by part. Totals of a part are computed by themselves and then merged in
 * the order of the parts. So a result does not depend on who computes which part, to the last bit.
 */
import { SlmError, throwIfInterrupted } from "@slm/core";
import type { Graph } from "@slm/onnx";
import type { Runtime, Session } from "@slm/runtime";
import { fetchedFloats, runOn, withSession, type Feeds, type FeedSource } from "./feeds.js";
import { addProbes } from "./probes.js";
import { accumulatorOf, type Statistic, type Totals } from "./statistics.js";

/** A statistic with the names of the graph outputs that it is computed from. */
export type ProbedStatistic = Statistic & { readonly outputs: readonly string[] };

/** Statistics to collect. */
interface CollectRequest {
  /** Has the probes of the statistics. Runs without optimization: a value is then what the graph says, not what a fused operator made of it. */
  readonly graph: Graph;
  readonly statistics: readonly ProbedStatistic[];
  readonly feeds: FeedSource;
}

/** Computes the totals of parts, here or on other machines. */
export interface Collector {
  /** Hands over the totals of every part, in the order of the parts. @throws SlmError as {@link totalsOfPart} */
  collect(request: CollectRequest, accept: (totals: Totals) => void): Promise<void>;
}

/** What statistics are collected by, and over. */
export interface CollectOptions {
  readonly collector: Collector;
  readonly feeds: FeedSource;
}

/**
 * The totals of one part.
 *
 * @param session of the graph with probes
 * @throws SlmError DATA_INVALID for feeds without a tensor that the graph needs, and for ranges that are not finite; SHAPE_MISMATCH for a
 * value that is not float32; INTERRUPTED
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

/**
 * Totals over all parts.
 *
 * @throws SlmError DATA_INVALID without data: real data decide, not synthetic ones; as {@link totalsOfPart}
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
