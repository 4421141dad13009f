export { assignBuckets, planBuckets, type Batch, type Bucket } from "./data/buckets.js";
export type { RowSets } from "./data/batch-order.js";
export {
  pairsOf,
  tokenizeRow,
  writePairs,
  type PairFile,
  type PairFileRequest,
  type PairLimits,
  type PairTokens,
  type TokenPairs,
} from "./data/pairs.js";
export { TokenListsWriter, type Lengths, type TokenLists } from "./data/token-lists.js";
export {
  packWeights,
  planChunks,
  unpackParameters,
  valueInput,
  valueSpecs,
} from "./parameters/parameter-layout.js";
export type { RateGroups } from "./optimizer/rate-groups.js";
export type { EarlyStop } from "./optimizer/early-stop.js";
export { learningRateAt } from "./optimizer/schedule.js";
export {
  devMetrics,
  trainingFields,
  trainingSettings,
  type TrainingSettings,
  OPTIMIZER,
} from "./training-config.js";
export { frozenModules, resolveModules, type ModuleSettings } from "./parameters/module-training.js";
export { stepScalars } from "./optimizer/optimizer.js";
export { partsOf, planRun, stateInput, type ChunkPlan } from "./program/state-layout.js";
export { DROPOUT_KEY, LOSS_SCALE, trainProgram, type LossDefinition } from "./program/train-program.js";
export { uploadState } from "./state/training-state.js";
export { dropoutKey } from "./program/dropout-masks.js";
export { stepRandom } from "./program/step-random.js";
export { divergenceText, type Divergence } from "./contract/divergence.js";
export { measureStep } from "./run/measure-step.js";
export { METRICS_FILE, removeRunState, STATE_FILE, train } from "./run/trainer.js";
export type {
  BatchFeeds,
  LiveModel,
  Objective,
  TrainReport,
  TrainRequest,
} from "./contract/training-contract.js";
export { PromptDecoder, sharedPositions } from "./on-policy/prompt-decoder.js";
export { createOnPolicyDecoder, type OnPolicyDecoder } from "./on-policy/on-policy-decoder.js";
export { OnPolicySampler } from "./on-policy/on-policy-sampler.js";
export { drawRows, drawStreamedRows, greedyDevMetric, type DevRow } from "./dev-metric/dev-metric.js";
export { GreedyPredictor } from "./dev-metric/greedy-predictor.js";
export { RecordFile, RecordFileWriter } from "./data/record-file.js";
export {
  encoderForm,
  modelPass,
  type ModelPass,
  type ModelStates,
  type PassShape,
} from "./feeds/model-pass.js";
export { sourceFeeds } from "./feeds/source-feeds.js";
