/** Collects statistics of values over all calibration data, in constant memory. */
import type { Graph } from "@slm/onnx";
import type { Gram } from "../weights/quantize-blocks.js";
import { collectTotals, type CollectOptions } from "./collector.js";
import type { Statistic } from "./statistics.js";

/** Lowest and highest number of a value. */
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
 * Finds the range of each value over all data.
 *
 * @throws SlmError DATA_INVALID naming a value that was not finite, and as `collectTotals` does
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
