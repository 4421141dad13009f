/** Measures how good a model's answers are. */
export { comparePortable } from "./compare-portable.js";
export { describeMetrics, isEvaluationMetric, parseEvaluationMetrics } from "./evaluation-metrics.js";
export { measureQuality } from "./measure-quality.js";
export { measureTeacher } from "./measure-teacher.js";
export { mostFrequentAnswer } from "./most-frequent-answer.js";
export { choosePredictionsFile } from "./predictions-file.js";
export { verifyCompiled, type VerifiedChip } from "./verify-compiled.js";
