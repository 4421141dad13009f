/** Describes the evaluation metrics, and parses lists of their names. */
import { PERPLEXITY, type EvaluationMetricName } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import { isMetricName, METRIC_NAMES, METRIC_ROWS, METRICS, type Metric, type MetricUnit } from "@slm/metrics";
import { nearest } from "@slm/core/edit-distance";

const PERPLEXITY_ROW: Pick<Metric, "description" | "higherIsBetter"> = {
  description:
    "e to the power of the model's mean negative log-likelihood per token of each row's first reference, including EOS; " +
    "comparable only between models with the same tokenizer.",
  higherIsBetter: false,
};

const UNIT_NAMES: Readonly<Record<MetricUnit | "none", string>> = {
  fraction: "%",
  points: "points of 100",
  none: "no unit",
};

/** All names, in the order of the table. Metrics of extensions come last. */
const evaluationMetricNames = (): readonly EvaluationMetricName[] =>
  [...METRIC_NAMES, PERPLEXITY, ...METRIC_ROWS.names.slice(METRIC_NAMES.length)].filter(isEvaluationMetric);

/** Whether a text is the name of a metric. */
export function isEvaluationMetric(name: string): name is EvaluationMetricName {
  return name === PERPLEXITY || isMetricName(name);
}

/** Two lines per metric: its name, unit and direction; its definition. */
export function describeMetrics(): readonly string[] {
  return evaluationMetricNames().flatMap((name) => {
    const { description, higherIsBetter } = name === PERPLEXITY ? PERPLEXITY_ROW : METRICS[name];
    const unit = name === PERPLEXITY ? "none" : METRICS[name].unit;
    return [
      `${name} [${UNIT_NAMES[unit]}, ${higherIsBetter ? "higher" : "lower"} is better]`,
      `  ${description}`,
    ];
  });
}

/**
 * Metric names from a comma-separated list, in the order given, each once.
 *
 * @throws SlmError USAGE for an unknown name, with the nearest known one, and for an empty list.
 * @example parseEvaluationMetrics("wer,perplexity") // ["wer", "perplexity"]
 */
export function parseEvaluationMetrics(list: string): readonly EvaluationMetricName[] {
  const known = evaluationMetricNames();
  const names = list.split(",").map((part) => part.trim());
  const unknown = names.find((name) => !isEvaluationMetric(name));
  if (unknown === undefined) return [...new Set(names.filter(isEvaluationMetric))];
  const meant = nearest(unknown, known);
  const corrected = names.map((name) => (name === unknown ? meant : name)).join(",");
  throw new SlmError(
    "USAGE",
    `--metrics: expected names of ${known.join(", ")}, got '${unknown}'` +
      (meant === undefined ? "" : `; did you mean ${meant}?`),
    {
      context: { metric: unknown, known },
      suggestions: [meant === undefined ? "slm eval --help" : `--metrics ${corrected}`],
    },
  );
}
