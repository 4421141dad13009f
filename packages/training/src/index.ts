export {
  assignBuckets,
  epochBatches,
  planBuckets,
  type Batch,
  type Bucket,
  type PairLengths,
} from "./buckets.js";
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
export {
  packWeights,
  planChunks,
  unpackParameters,
  unpackWeights,
  valueInput,
  valueSpecs,
  type Chunk,
} from "./parameter-layout.js";
export { learningRateAt } from "./schedule.js";
export {
  devMetrics,
  loraSettings,
  trainingFields,
  trainingSettings,
  type LoraSettings,
  type TrainingSettings,
} from "./training-config.js";
export {
  MODULE_TRAINING,
  moduleTraining,
  resolveModules,
  type ModuleSettings,
  type ModuleTraining,
  type ResolvedModules,
} from "./module-training.js";
export { stepScalars } from "./optimizer.js";
export { orthogonalize } from "./muon.js";
export { partsOf, planRun, stateInput, stateOutput, type ChunkPlan } from "./state-layout.js";
export { dropoutSpecs, trainProgram, type LossDefinition } from "./train-program.js";
export { uploadState, type DeviceState } from "./training-state.js";
export { stepRandom } from "./step-random.js";
export { METRICS_FILE, removeRunState, STATE_FILE, train } from "./trainer.js";
export { FAILED_STEP_FILE } from "./step-runner.js";
export type {
  BatchFeeds,
  DevMetric,
  LiveModel,
  Objective,
  TrainReport,
  TrainRequest,
} from "./training-contract.js";
export { createOnPolicyDecoder, type OnPolicyDecoder } from "./on-policy-decoder.js";
export type { OnPolicyDecoderShape } from "./on-policy-programs.js";
export {
  createOnPolicySampler,
  type OnPolicySampler,
  type OnPolicySamplerShape,
} from "./on-policy-sampler.js";
export {
  drawRows,
  drawStreamedRows,
  greedyDevMetric,
  type DevMetricOptions,
  type DevRow,
  type GreedyDevMetric,
} from "./dev-metric.js";
export { GreedyPredictor, type SeenText } from "./greedy-predictor.js";
export { RecordFile, RecordFileWriter } from "./record-file.js";
export { modelPass, type ModelPass, type ModelStates, type PassFeeds, type PassShape } from "./model-pass.js";
export { sourceFeeds, sourceSpecs, type SourceShape } from "./source-feeds.js";
