export { assignBuckets, planBuckets, type Batch, type Bucket } from "./buckets.js";
export type { RowSets } from "./batch-order.js";
export {
  pairsOf,
  tokenizeRow,
  writePairs,
  type PairFile,
  type PairFileRequest,
  type PairLimits,
  type PairTokens,
  type TokenPairs,
} from "./pairs.js";
export { TokenListsWriter, type Lengths, type TokenLists } from "./token-lists.js";
export { packWeights, planChunks, unpackParameters, valueInput, valueSpecs } from "./parameter-layout.js";
export type { RateGroups } from "./rate-groups.js";
export { learningRateAt } from "./schedule.js";
export {
  devMetrics,
  loraSettings,
  trainingFields,
  trainingSettings,
  type TrainingSettings,
} from "./training-config.js";
export { moduleTraining, resolveModules, type ModuleSettings } from "./module-training.js";
export { stepScalars } from "./optimizer.js";
export { partsOf, planRun, stateInput, type ChunkPlan } from "./state-layout.js";
export { DROPOUT_KEY, LOSS_SCALE, trainProgram, type LossDefinition } from "./train-program.js";
export { uploadState } from "./training-state.js";
export { dropoutKey } from "./dropout-masks.js";
export { stepRandom, uniformNumbers } from "./step-random.js";
export { divergenceText, type Divergence } from "./divergence.js";
export { measureStep, type StepTime } from "./measure-step.js";
export { METRICS_FILE, removeRunState, STATE_FILE, train, trainSegment } from "./trainer.js";
export type {
  BatchFeeds,
  DevMetric,
  LiveModel,
  Objective,
  SegmentReport,
  TrainReport,
  TrainRequest,
} from "./training-contract.js";
export { PromptDecoder, sharedPositions } from "./prompt-decoder.js";
export { createOnPolicyDecoder, type OnPolicyDecoder } from "./on-policy-decoder.js";
export { createOnPolicySampler, type OnPolicySampler } from "./on-policy-sampler.js";
export { drawRows, drawStreamedRows, greedyDevMetric, type DevRow } from "./dev-metric.js";
export { GreedyPredictor } from "./greedy-predictor.js";
export { RecordFile, RecordFileWriter } from "./record-file.js";
export { modelPass, type ModelPass, type ModelStates, type PassShape } from "./model-pass.js";
export { sourceFeeds } from "./source-feeds.js";
