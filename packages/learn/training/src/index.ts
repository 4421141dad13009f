export { adamScalars, ADAM_SCALARS } from "./adamw.js";
export {
  assignBuckets,
  epochBatches,
  planBuckets,
  type Batch,
  type Bucket,
  type PairLengths,
} from "./buckets.js";
export { pairsOf, tokenizeRows, type TokenPairs } from "./pairs.js";
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
export { trainingFields, type TrainingSettings } from "./training-config.js";
export { stateInput, stateOutput, trainProgram, type LossDefinition } from "./train-program.js";
export { uploadState, type DeviceState } from "./training-state.js";
export { BEST_FILE, METRICS_FILE, STATE_FILE, train } from "./trainer.js";
export type {
  BatchFeeds,
  DevMetric,
  LiveModel,
  Objective,
  TrainReport,
  TrainRequest,
} from "./training-contract.js";
export { createLiveDecoder, type LiveDecoder } from "./live-decoder.js";
export type { LiveDecoderShape } from "./live-programs.js";
export { greedyDevMetric, type DevMetricOptions } from "./dev-metric.js";
