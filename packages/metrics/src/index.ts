export type { Metric, MetricUnit, References } from "./define-metric.js";
export { editDistance } from "./edit-distance.js";
export { INTENT_FIELDS } from "./json-metrics.js";
export { METRICS, METRIC_NAMES, isMetricName, parseMetricNames, type MetricName } from "./metrics.js";
export { perplexity } from "./perplexity.js";
export { rougeScores, type RougeName, type RougeOptions } from "./rouge.js";
export { slotReport, type SlotScore } from "./slot-f1.js";
export { ANSWER_MARK, answerOf } from "./token-metrics.js";
