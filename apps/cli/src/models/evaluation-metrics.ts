/** The evaluation metrics: their descriptions, and parsing of a list of names. */
import { PERPLEXITY, type EvaluationMetricName } from "@slm/inference";
import { SlmError } from "@slm/core/errors";
import { METRICS, type Metric } from "@slm/metrics";
import { nearest } from "../nearest.js";
import { METRIC_UNITS, type DisplayUnit } from "../ui/metric-format.js";

/** Every metric. A metric of `@slm/inference` that is missing here is a compile error. */
const EVALUATION_METRICS: Readonly<
  Record<EvaluationMetricName, Pick<Metric, "description" | "higherIsBetter">>
> = {
  ...METRICS,
  [PERPLEXITY]: {
    description:
      "e to the mean negative log-likelihood of a token of each row's first reference, its EOS token counted, under the model; " +
      "comparable only between models with the same tokenizer.",
    higherIsBetter: false,
  },
};

const UNIT_NAMES: Readonly<Record<DisplayUnit, string>> = {
  fraction: "%",
  points: "points of 100",
  none: "no unit",
};

/** All names, in the order of the table. */
const EVALUATION_METRIC_NAMES: readonly EvaluationMetricName[] =
  Object.keys(EVALUATION_METRICS).filter(isEvaluationMetric);

/** Whether a text names a metric. */
function isEvaluationMetric(name: string): name is EvaluationMetricName {
  return Object.hasOwn(EVALUATION_METRICS, name);
}

/** Two lines per metric: its name, unit and which way is better; what it is. */
export function describeMetrics(): readonly string[] {
  return EVALUATION_METRIC_NAMES.flatMap((name) => {
    const { description, higherIsBetter } = EVALUATION_METRICS[name];
    return [
      `${name} [${UNIT_NAMES[METRIC_UNITS[name]]}, ${higherIsBetter ? "higher" : "lower"} is better]`,
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
  const names = list.split(",").map((part) => part.trim());
  const unknown = names.find((name) => !isEvaluationMetric(name));
  if (unknown === undefined) return [...new Set(names.filter(isEvaluationMetric))];
  const meant = nearest(unknown, EVALUATION_METRIC_NAMES);
  const corrected = names.map((name) => (name === unknown ? meant : name)).join(",");
  throw new SlmError(
    "USAGE",
    `--metrics: expected names of ${EVALUATION_METRIC_NAMES.join(", ")}, got '${unknown}'` +
      (meant === undefined ? "" : `; did you mean ${meant}?`),
    {
      context: { metric: unknown, known: EVALUATION_METRIC_NAMES },
      suggestions: [meant === undefined ? "slm eval --help" : `--metrics ${corrected}`],
    },
  );
}
