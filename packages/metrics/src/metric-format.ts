/**
 * Formats values of metrics. The units are copied here because the table of metrics loads too slowly for help and progress. A missing name
 * is a compile error, and a test compares the units.
 */
import { formatNumber } from "@slm/core/format";
import type { MetricName } from "./metrics.js";
import type { MetricUnit } from "./scores/define-metric.js";

type DisplayedMetric = MetricName | "perplexity";

/** `none`: a number without a unit. */
export type DisplayUnit = MetricUnit | "none";

export const METRIC_UNITS: Readonly<Record<DisplayedMetric, DisplayUnit>> = {
  wer: "fraction",
  per: "fraction",
  exactMatch: "fraction",
  answerMatch: "fraction",
  cer: "fraction",
  transcriptWer: "fraction",
  accuracy: "fraction",
  macroF1: "fraction",
  weightedF1: "fraction",
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

/** Prefix of a teacher's metric on the student's evaluation rows. */
const TEACHER_PREFIX = "teacher.";

/** Three significant digits in the metric's unit, `48.2 %` or `27.3`; a plain number for an unknown name. */
export function formatMetric(key: string, value: number): string {
  const name = key.startsWith(TEACHER_PREFIX) ? key.slice(TEACHER_PREFIX.length) : key;
  return isKnown(name) ? FORMATS[METRIC_UNITS[name]](value) : formatNumber(value);
}

/** A fraction as a percentage: `48.2 %`. */
export function formatPercent(fraction: number): string {
  return `${formatNumber(fraction * 100)} %`;
}

function isKnown(name: string): name is DisplayedMetric {
  return Object.hasOwn(METRIC_UNITS, name);
}
