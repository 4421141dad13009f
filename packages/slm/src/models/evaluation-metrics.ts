/** The evaluation metrics: their descriptions, and parsing of a list of names. */
import { PERPLEXITY, type EvaluationMetricName } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import { isMetricName, METRIC_NAMES, METRIC_ROWS, METRICS, type Metric } from "@slm/metrics";
import { nearest } from "@slm/pipeline/recipe/nearest";
import type { DisplayUnit } from "@slm/pipeline/format/metric-format";

const PERPLEXITY_ROW: Pick<Metric, "description" | "higherIsBetter"> = {
  description:
    "e to the mean negative log-likelihood of a token of each row's first reference, its EOS token counted, under the model; " +
    "comparable only between models with the same tokenizer.",
  higherIsBetter: false,
};

const UNIT_NAMES: Readonly<Record<DisplayUnit, string>> = {
  fraction: "%",
  points: "points of 100",
  none: "no unit",
};

/** All names, in the order of the table; those of extensions last. */
const evaluationMetricNames = (): readonly EvaluationMetricName[] =>
  [...METRIC_NAMES, PERPLEXITY, ...METRIC_ROWS.names.slice(METRIC_NAMES.length)].filter(isEvaluationMetric);

/** Whether a text names a metric. */
function isEvaluationMetric(name: string): name is EvaluationMetricName {
  return name === PERPLEXITY || isMetricName(name);
}

/** Two lines per metric: its name, unit and which way is better; what it is. */
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
 * @throws SlmError USAGE for a name that is none, with the nearest one that is, or for an empty list.
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

/**
 * The metrics that a model's run measured, in the order of its report; `exactMatch` if that is not recorded.
 *
 * @param model path of the model. One that cannot be read gives the default: whoever loads it reports the problem
 */
export async function usualMetrics(model: string): Promise<readonly EvaluationMetricName[]> {
  const { describeArtifact } = await import("../runs/describe-artifact.js");
  const measured = await describeArtifact(model).catch(() => undefined);
  const names = Object.keys(measured?.metrics ?? {}).filter(isEvaluationMetric);
  return names.length === 0 ? ["exactMatch"] : names;
}
