/** Statistics by value over all calibration data, in constant memory. */
import type { Graph } from "@slm/onnx";
import type { Gram } from "../weights/quantize-blocks.js";
import { collectTotals, type CollectOptions } from "./collector.js";
import { histogramEdges, type Histogram } from "./histogram.js";
import type { Statistic } from "./statistics.js";

/** Lowest and highest number a value took. */
export interface ValueRange {
  readonly low: number;
  readonly high: number;
}

/** Totals by value. */
async function byValue(
  graph: Graph,
  statistics: readonly Statistic[],
  options: CollectOptions,
): Promise<readonly (readonly [value: string, totals: Float64Array])[]> {
  const totals = await collectTotals(graph, statistics, options);
  return statistics.map(({ value }, at) => [value, totals[at]!]);
}

/**
 * The range of each value over all data.
 *
 * @throws SlmError DATA_INVALID naming a value that was not a number, and as `collectTotals`
 */
export async function collectRanges(
  graph: Graph,
  values: Iterable<string>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, ValueRange>> {
  const statistics = [...values].map((value) => ({ kind: "range", value }) as const);
  const found = await byValue(graph, statistics, options);
  return new Map(found.map(([value, [low, high]]) => [value, { low: low!, high: high! }]));
}

/** Where and how the numbers of a value are counted; see `Statistic`. */
export type HistogramBins = Omit<Extract<Statistic, { readonly kind: "histogram" }>, "kind" | "value">;

/** A histogram of the numbers of each value. */
export async function collectHistograms(
  graph: Graph,
  bins: ReadonlyMap<string, HistogramBins>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, Histogram>> {
  const statistics = [...bins].map(([value, places]) => ({ kind: "histogram", value, ...places }) as const);
  const found = await byValue(graph, statistics, options);
  return new Map(
    found.map(([value, counts]) => {
      const { low, high, bins: count } = bins.get(value)!;
      return [value, { counts, edges: histogramEdges(low, high, count) }];
    }),
  );
}

/** Sums of x(i) x(k) over all rows of each value, in float64. @param widths by value: its last dimension */
export async function collectGrams(
  graph: Graph,
  widths: ReadonlyMap<string, number>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, Gram>> {
  const statistics = [...widths].map(([value, width]) => ({ kind: "gram", value, width }) as const);
  const found = await byValue(graph, statistics, options);
  return new Map(found.map(([value, values]) => [value, { size: widths.get(value)!, values }]));
}

/** The largest magnitude of each channel (last dimension) of each value. */
export async function collectPeaks(
  graph: Graph,
  widths: ReadonlyMap<string, number>,
  options: CollectOptions,
): Promise<ReadonlyMap<string, Float64Array>> {
  const statistics = [...widths].map(([value, width]) => ({ kind: "peaks", value, width }) as const);
  return new Map(await byValue(graph, statistics, options));
}
