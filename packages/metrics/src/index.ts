export type { Metric, MetricUnit } from "./define-metric.js";
export { METRICS, METRIC_NAMES, isMetricName, isWorstValue, type MetricName } from "./metrics.js";
export { perplexity } from "./perplexity.js";
export { ANSWER_MARK, answerOf } from "./token-metrics.js";
export { bootstrapInterval, metricDifference, metricInterval, type MetricInterval } from "./bootstrap.js";
export {
  CLASS_METRICS,
  classScores,
  confusionMatrix,
  type ClassScore,
  type ConfusionMatrix,
} from "./classes.js";
