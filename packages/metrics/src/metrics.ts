/**
 * The table of metrics for a model's answers: one row per metric. `--metrics` and gates use the name of a row.
 *
 * Each metric implements the public definition in its `source`; the numbers in `fixtures` come from the programs named there.
 */
import { ExtensionTable, rowName } from "@slm/core";
import type { z } from "zod";
import { bleu } from "./scores/bleu.js";
import { accuracy, macroF1, weightedF1 } from "./scores/classes.js";
import { chrf, chrfPlusPlus } from "./scores/chrf.js";
import type { Metric } from "./scores/define-metric.js";
import { intentAccuracy, jsonExactMatch } from "./scores/json-metrics.js";
import { rouge1, rouge2, rougeL, rougeLsum } from "./scores/rouge.js";
import { slotF1 } from "./scores/slot-f1.js";
import { squadExactMatch, squadF1 } from "./scores/squad.js";
import { answerMatch, cer, exactMatch, per, wer, transcriptWer } from "./scores/token-metrics.js";

const METRIC_TABLE = {
  wer,
  per,
  exactMatch,
  answerMatch,
  cer,
  transcriptWer,
  accuracy,
  macroF1,
  weightedF1,
  squadExactMatch,
  squadF1,
  rouge1,
  rouge2,
  rougeL,
  rougeLsum,
  bleu,
  chrf,
  chrfPlusPlus,
  jsonExactMatch,
  slotF1,
  intentAccuracy,
} as const satisfies Record<string, Metric>;

/** Every metric: built-in ones and those of extensions. */
export const METRIC_ROWS = new ExtensionTable<Metric>("metrics", METRIC_TABLE);

/** Name of a row of {@link METRICS}. `isMetricName` checks it. Names of extensions have this type too. */
export type MetricName = keyof typeof METRIC_TABLE;

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
