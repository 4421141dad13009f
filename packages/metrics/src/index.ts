export { defineMetric, type Metric, type MetricDefinition, type MetricUnit } from "./define-metric.js";
export {
  METRICS,
  METRIC_NAMES,
  METRIC_ROWS,
  isMetricName,
  isWorstValue,
  metricName,
  type MetricName,
} from "./metrics.js";
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
