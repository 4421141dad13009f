export {
  abstentionAt,
  calibrationError,
  chooseThreshold,
  judge,
  thresholdFor,
  type Abstention,
  type AbstentionOptions,
  type JudgedAnswer,
  type Judgement,
} from "./evaluate/abstention.js";
export { encodeBatch, sourceFeeds } from "./dynamic/encoded-batch.js";
export { BLANK_IMAGE, joinImages } from "./images/image-encoder.js";
export { listTokens, logitsOutput, WholeLogits } from "./dynamic/listed-tokens.js";
export { openGraphModel } from "./generate/open-graph-model.js";
export { openPortableModel, portableDevice, type OpenPortableOptions } from "./generate/open-portable.js";
export { DEFAULT_BATCH } from "./options/model-limits.js";
export { withArgmaxOutput } from "./graph-edits/argmax-output.js";
export { oneToken } from "./graph-edits/one-token.js";
export { topTokens } from "./steps/top-tokens.js";
export { describeModel, type ModelDescription } from "./load/describe-model.js";
export { loadGraphs, type ModelGraphs, type LoadGraphsOptions } from "./load/model-graphs.js";
export { mergedRules } from "./options/model-settings.js";
export { beamSearch, type SamplingOptions } from "./options/sampling-options.js";
export { StopText } from "./text/stop-text.js";
export { TextStream } from "./text/text-stream.js";
export type {
  GenerateOptions,
  Generation,
  Likelihood,
  ScoredPair,
  ScoreOptions,
  Source,
} from "./options/types.js";
export type { Model, ModelEvaluation, GraphModelOptions } from "./generate/model.js";
export { schemaConstraint } from "./generate/schema-constraint.js";
export {
  evaluateAnswers,
  type ClassReport,
  type ConfidenceReport,
  type Evaluation,
  type Interval,
  type MeanLikelihood,
} from "./evaluate/evaluate-answers.js";
export { compareRuntimes, type CompareOptions, type RuntimeComparison } from "./compare/compare-runtimes.js";
export type { Answerer, EvaluationRow, EvaluationInput } from "./evaluate/evaluation-input.js";
export { PERPLEXITY, type EvaluationMetricName } from "./evaluate/metric-names.js";
export { isCorrect } from "./evaluate/references.js";
export type { Slice } from "./evaluate/slices.js";
