/** Formats values of metrics. */
import { formatNumber } from "@slm/core/format";
import { METRIC_TABLE, type MetricName } from "./metric-table.js";

/** Prefix of a teacher's metric on the student's evaluation rows. */
const TEACHER_PREFIX = "teacher.";

/** Three significant digits, fractions as percentages: `48.2 %` or `27.3`; a plain number for an unknown name. */
export function formatMetric(key: string, value: number): string {
  const name = key.startsWith(TEACHER_PREFIX) ? key.slice(TEACHER_PREFIX.length) : key;
  const isFraction = isBuiltIn(name) && METRIC_TABLE[name].unit === "fraction";
  return isFraction ? formatPercent(value) : formatNumber(value);
}

/** A fraction as a percentage: `48.2 %`. */
export function formatPercent(fraction: number): string {
  return `${formatNumber(fraction * 100)} %`;
}

function isBuiltIn(name: string): name is MetricName {
  return Object.hasOwn(METRIC_TABLE, name);
}
