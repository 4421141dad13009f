export {
  abstentionAt,
  calibrationError,
  chooseThreshold,
  confidenceOf,
  type Abstention,
  type AbstentionOptions,
  type JudgedAnswer,
} from "./abstention.js";
export { encodeBatch, sourceFeeds } from "./encoded-batch.js";
export { BLANK_IMAGE, joinImages } from "./image-encoder.js";
export { listTokens, logitsOutput, WholeLogits } from "./listed-tokens.js";
export { loadGenerator } from "./generator.js";
export { DEFAULT_BATCH } from "./model-limits.js";
export { withArgmaxOutput } from "./graph-edits/argmax-output.js";
export { verifyingDecoder } from "./graph-edits/verifying-decoder.js";
export { oneToken } from "./graph-edits/one-token.js";
export { draftPlan, type DraftPlan } from "./draft-tokens.js";
export { topTokens } from "./top-tokens.js";
export {
  describeModel,
  loadModel,
  type LoadedModel,
  type LoadModelOptions,
  type ModelDescription,
} from "./loaded-model.js";
export { mergedRules } from "./model-settings.js";
export { beamSearch, samplingOptions, type SamplingOptions } from "./sampling-options.js";
export { streamPieces } from "./stream-pieces.js";
export { StopText } from "./stop-text.js";
export { TextStream } from "./text-stream.js";
export type { GenerateOptions, Generation, Generator, Source } from "./types.js";
export {
  evaluateModel,
  type ClassReport,
  type ConfidenceReport,
  type Evaluation,
  type Interval,
  type MeanLikelihood,
} from "./evaluate/evaluate-model.js";
export { compareRuntimes, type CompareOptions, type RuntimeComparison } from "./evaluate/compare-runtimes.js";
export type {
  Answerer,
  ChunkAnswers,
  ChunkMaker,
  ChunkRequest,
  EvaluationRow,
  RowChunk,
} from "./evaluate/evaluation-input.js";
export { answerChunk } from "./evaluate/run-rows.js";
export { PERPLEXITY, type EvaluationMetricName } from "./evaluate/metric-names.js";
export { isCorrect } from "./evaluate/references.js";
export { loadScoringGenerator, type ScoredPair } from "./evaluate/score-texts.js";
export type { Slice } from "./evaluate/slices.js";
