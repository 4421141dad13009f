export { editDistance } from "./edit-distance.js";
export {
  METRICS,
  METRIC_NAMES,
  isMetricName,
  parseMetricNames,
  type Metric,
  type MetricName,
  type References,
} from "./metrics.js";
