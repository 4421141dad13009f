/** Names of the evaluation metrics. */
import type { MetricName } from "@slm/metrics";

/**
 * exp of the mean of -ln p(token | source, tokens before it) over all tokens of every row's first reference, including EOS. A row without references
 * counts as a row with an empty reference. Computed by teacher forcing: the reference is fed to the model, and no answer is generated.
 *
 * Units: none. A perplexity of n is the uncertainty of a uniform choice among n tokens. Lower is better, 1 is perfect. Comparable only between
 * models with the same tokenizer.
 */
export const PERPLEXITY = "perplexity";

/** A metric of generated answers (a row of `METRICS`), or perplexity. */
export type EvaluationMetricName = MetricName | typeof PERPLEXITY;

/** Whether a metric needs generated answers. It does not look the name up, because a thread that answers does not know an extension's metrics. */
export function isAnswerMetric(name: EvaluationMetricName): name is MetricName {
  return name !== PERPLEXITY;
}
