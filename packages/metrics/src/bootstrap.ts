/** Confidence intervals of metrics, and of differences between two models on the same rows, by bootstrap over rows. */
import { SlmError } from "@slm/core";
import type { Metric, References } from "./scores/define-metric.js";

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

/** The metric of one model on the rows with these indices. */
type Scorer = (rows: readonly number[]) => number;

/** Draws as many items as there are, with replacement. */
type Draw = <T>(items: readonly T[]) => readonly T[];

/**
 * A metric with its confidence interval: rows are drawn with replacement, as many as there are.
 *
 * Shapes: predictions [n], references [n][at least 1]. Source: Efron and Tibshirani 1993, section 13.3 (percentiles).
 *
 * @param random uniform numbers in [0, 1); the same numbers give the same interval.
 * @throws SlmError as `Metric.compute`.
 */
export function metricInterval(
  metric: Metric,
  predictions: readonly string[],
  references: readonly References[],
  random: () => number,
): MetricInterval {
  return runsInterval(metric, [predictions], references, random);
}

/**
 * The mean of a metric over trainings of one model that differ in their seed, with its confidence interval: rows are drawn as in
 * {@link metricInterval}, and trainings too if there are several.
 *
 * Shapes: runs [seeds][n], references [n][at least 1].
 *
 * @throws SlmError as `Metric.compute`.
 */
export function runsInterval(
  metric: Metric,
  runs: readonly (readonly string[])[],
  references: readonly References[],
  random: () => number,
): MetricInterval {
  const scorers = runs.map((predictions) => metric.ofRows(predictions, references));
  return bootstrapInterval((rows, draw) => meanOf(scorers, rows, draw), references.length, random);
}

/**
 * The mean of a metric over the trainings of one model minus that of another model, with its confidence interval: the same rows are
 * drawn for both, so rows that are hard for both cancel out; trainings are drawn for each model separately. If the interval does not contain zero,
 * chance in the choice of rows does not explain the difference.
 *
 * Shapes: runs and others [seeds][n], references [n][at least 1]. Source: Koehn 2004, Statistical Significance Tests for Machine
 * Translation Evaluation, section 4 (paired bootstrap).
 *
 * @throws SlmError as `Metric.compute`; SHAPE_MISMATCH if two trainings have different numbers of rows.
 */
export function runsDifference(
  metric: Metric,
  [runs, others]: readonly [readonly (readonly string[])[], readonly (readonly string[])[]],
  references: readonly References[],
  random: () => number,
): MetricInterval {
  const counts = [...runs, ...others].map(({ length }) => length);
  const other = counts.find((count) => count !== counts[0]);
  if (other !== undefined) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `metrics: expected two models on the same rows, got ${counts[0]} and ${other} predictions`,
    );
  }
  const scorersOf = (side: readonly (readonly string[])[]): Scorer[] =>
    side.map((predictions) => metric.ofRows(predictions, references));
  const [ours, theirs] = [scorersOf(runs), scorersOf(others)];
  return bootstrapInterval(
    (rows, draw) => meanOf(ours, rows, draw) - meanOf(theirs, rows, draw),
    references.length,
    random,
  );
}

/** The mean of a metric over trainings. A single training is in every sample, so none is drawn. */
const meanOf = (runs: readonly Scorer[], rows: readonly number[], draw: Draw): number =>
  (runs.length === 1 ? runs : draw(runs)).reduce((sum, score) => sum + score(rows), 0) / runs.length;

/**
 * A figure of `count` rows with its confidence interval: rows are drawn with replacement, as many as there are.
 *
 * Source: Efron and Tibshirani 1993, section 13.3 (percentiles).
 *
 * @param valueOf the figure of some rows: indices from 0 to count - 1 that may repeat; `draw` resamples anything else that varies
 * @param random uniform numbers in [0, 1); the same numbers give the same interval
 */
export function bootstrapInterval(
  valueOf: (rows: readonly number[], draw: Draw) => number,
  count: number,
  random: () => number,
): MetricInterval {
  const all = Array.from({ length: count }, (_, row) => row);
  const draw: Draw = (items) => items.map(() => items[Math.floor(random() * items.length)]!);
  const values = Array.from({ length: RESAMPLES }, () => valueOf(draw(all), draw)).sort((a, b) => a - b);
  const outside = Math.floor(((1 - COVERAGE) / 2) * RESAMPLES);
  return {
    value: valueOf(all, (items) => items),
    low: values[outside]!,
    high: values[RESAMPLES - 1 - outside]!,
  };
}
