/**
 * Values of metrics as people read them. The units are those of the metrics' own table, which help and progress of every
 * command cannot wait for: a missing name fails to compile, a wrong unit fails the test.
 */
import type { EvaluationMetricName } from "@slm/inference";
import type { MetricUnit } from "@slm/metrics";
import { formatNumber } from "./format.js";

/** `none`: a number that is no share of anything. */
export type DisplayUnit = MetricUnit | "none";

export const METRIC_UNITS: Readonly<Record<EvaluationMetricName, DisplayUnit>> = {
  wer: "fraction",
  per: "fraction",
  exactMatch: "fraction",
  answerMatch: "fraction",
  cer: "fraction",
  squadExactMatch: "fraction",
  squadF1: "fraction",
  rouge1: "fraction",
  rouge2: "fraction",
  rougeL: "fraction",
  rougeLsum: "fraction",
  bleu: "points",
  chrf: "points",
  chrfPlusPlus: "points",
  jsonExactMatch: "fraction",
  slotF1: "fraction",
  intentAccuracy: "fraction",
  perplexity: "none",
};

const FORMATS: Readonly<Record<DisplayUnit, (value: number) => string>> = {
  fraction: formatPercent,
  points: formatNumber,
  none: formatNumber,
};

/** Three significant digits in the metric's unit, `48.2 %` or `27.3`; a number where the name is no metric's. */
export function formatMetric(name: string, value: number): string {
  return isKnown(name) ? FORMATS[METRIC_UNITS[name]](value) : formatNumber(value);
}

/** A fraction as a percentage: `48.2 %`. */
export function formatPercent(fraction: number): string {
  return `${formatNumber(fraction * 100)} %`;
}

function isKnown(name: string): name is EvaluationMetricName {
  return Object.hasOwn(METRIC_UNITS, name);
}
