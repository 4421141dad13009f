/** Confidence intervals of metrics, and of differences between two models on the same rows, by bootstrap over rows. */
import { SlmError } from "@slm/core";
import type { Metric, References } from "./define-metric.js";

/** Confidence level of the intervals. */
const COVERAGE = 0.95;

/** Number of bootstrap samples: enough for two stable digits of a 95 % interval. */
const RESAMPLES = 1000;

/** A figure with its 95 % confidence interval, in the unit of its metric. */
export interface MetricInterval {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/**
 * A metric with its confidence interval: rows are drawn with replacement, as many as there are.
 *
 * Shapes: predictions [n], references [n][at least 1].
 *
 * @param random uniform numbers in [0, 1); the same ones give the same interval.
 * @throws SlmError as `Metric.compute`.
 */
export function metricInterval(
  metric: Metric,
  predictions: readonly string[],
  references: readonly References[],
  random: () => number,
): MetricInterval {
  return bootstrapInterval(metric.ofRows(predictions, references), references.length, random);
}

/**
 * The metric of `predictions` minus that of `others`, with its confidence interval. Both are computed on the same drawn rows, so
 * what makes rows hard for both cancels out. An interval above (or below) zero is a difference that the rows do not explain.
 *
 * Shapes: predictions and others [n], references [n][at least 1]. Source: Koehn 2004, Statistical Significance Tests for Machine
 * Translation Evaluation, section 4 (paired bootstrap).
 *
 * @throws SlmError as `Metric.compute`; SHAPE_MISMATCH if one side has other rows than the references.
 */
export function metricDifference(
  metric: Metric,
  [predictions, others]: readonly [readonly string[], readonly string[]],
  references: readonly References[],
  random: () => number,
): MetricInterval {
  if (predictions.length !== others.length) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `metrics: expected two models on the same rows, got ${predictions.length} and ${others.length} predictions`,
    );
  }
  const [one, other] = [metric.ofRows(predictions, references), metric.ofRows(others, references)];
  return bootstrapInterval((rows) => one(rows) - other(rows), references.length, random);
}

/**
 * A figure of `count` rows with its confidence interval: rows are drawn with replacement, as many as there are.
 *
 * Source: Efron and Tibshirani 1993, section 13.3 (percentiles).
 *
 * @param valueOf the figure of some rows, which are places in 0 to count - 1 and may repeat
 * @param random uniform numbers in [0, 1); the same ones give the same interval
 */
export function bootstrapInterval(
  valueOf: (rows: readonly number[]) => number,
  count: number,
  random: () => number,
): MetricInterval {
  const all = Array.from({ length: count }, (_, row) => row);
  const values = Array.from({ length: RESAMPLES }, () =>
    valueOf(all.map(() => Math.floor(random() * count))),
  ).sort((a, b) => a - b);
  const outside = Math.floor(((1 - COVERAGE) / 2) * RESAMPLES);
  return { value: valueOf(all), low: values[outside]!, high: values[RESAMPLES - 1 - outside]! };
}
