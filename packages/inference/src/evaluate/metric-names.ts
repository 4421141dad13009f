/** What a model can be evaluated by. */
import { isMetricName, type MetricName } from "@slm/metrics";

/**
 * e to the mean of -ln p(token | source, tokens before it) over all tokens of every row's first reference, its EOS token
 * counted; a row without references counts as one whose reference is empty. Computed from the model's own probabilities with
 * the reference fed to it, not from its answers.
 *
 * Units: none; as uncertain as a uniform choice among that many tokens. Lower is better, 1 is perfect. Comparable only between
 * models with the same tokenizer.
 */
export const PERPLEXITY = "perplexity";

/** A metric of answers, a row of `METRICS`; or the model's perplexity. */
export type EvaluationMetricName = MetricName | typeof PERPLEXITY;

/** Whether a metric is computed from answers, so that they must be generated. */
export function isAnswerMetric(name: EvaluationMetricName): name is MetricName {
  return isMetricName(name);
}
