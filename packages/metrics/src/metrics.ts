/** Every metric by its name: those of the table, and those that extensions add. */
import { ExtensionTable, rowName } from "@slm/core";
import type { z } from "zod";
import { METRIC_TABLE, type MetricName } from "./metric-table.js";
import type { Metric } from "./scores/define-metric.js";

/** Every metric: built-in ones and those of extensions. */
export const METRIC_ROWS = new ExtensionTable<Metric>("metrics", METRIC_TABLE);

/** Every metric by its name. */
export const METRICS: Readonly<Record<MetricName, Metric>> = METRIC_ROWS.rows;

/** Names of the built-in metrics, in the order of the table. */
export const METRIC_NAMES: readonly MetricName[] = METRIC_ROWS.names.filter(isMetricName);

/** Whether a text names a metric. */
export function isMetricName(name: string): name is MetricName {
  return METRIC_ROWS.has(name);
}

/** Schema of a metric's name in a recipe. */
export const metricName = rowName(METRIC_ROWS) as z.ZodType<MetricName, MetricName>;

/** Whether a metric has its best possible value: everything is right. */
export const isPerfectValue = (name: MetricName, value: number): boolean => {
  const { higherIsBetter, unit } = METRICS[name];
  return higherIsBetter ? value >= (unit === "points" ? 100 : 1) : value <= 0;
};

/** Whether a metric has its worst value: nothing is right, or an error rate is 1 or more. */
export const isWorstValue = (name: MetricName, value: number): boolean =>
  METRICS[name].higherIsBetter ? value <= 0 : value >= 1;
