export { defineMetric, type Metric, type MetricDefinition, type MetricUnit } from "./scores/define-metric.js";
export {
  METRICS,
  METRIC_NAMES,
  METRIC_ROWS,
  isMetricName,
  isPerfectValue,
  isWorstValue,
  metricName,
} from "./metrics.js";
export type { MetricName } from "./metric-table.js";
export { perplexity } from "./scores/perplexity.js";
export { ANSWER_MARK, answerOf } from "./scores/token-metrics.js";
export {
  bootstrapInterval,
  metricInterval,
  runsDifference,
  runsInterval,
  type MetricInterval,
} from "./bootstrap.js";
export {
  CLASS_METRICS,
  classScores,
  confusionMatrix,
  type ClassScore,
  type ConfusionMatrix,
} from "./scores/classes.js";
