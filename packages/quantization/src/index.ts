export {
  CALIBRATION_METHODS,
  type CalibrationMethod,
  type CalibrationOptions,
} from "./calibration/calibrate.js";
export type { ValueRange } from "./calibration/collect.js";
export type { FeedSource, Feeds } from "./calibration/feeds.js";
export type { ModelCalibration } from "./calibration/model-feeds.js";
export type { TokenPair } from "./calibration/pair-feeds.js";
export {
  checkGate,
  gateIn,
  parseGate,
  type Gate,
  type GateQuestion,
  type GateResult,
  type WrittenGate,
} from "./gate.js";
export { overheadBytes, parseBytes, planBudget, type BudgetPlan } from "./plan/budget.js";
export {
  chooseFormats,
  type ChoosingLayer,
  type ChosenFormats,
  type FormatChoice,
} from "./plan/choose-formats.js";
export { logitDivergence, withLogitJudge, type LogitJudge } from "./plan/logit-judge.js";
export { measureSensitivity, type LayerSensitivity, type SensitivityOptions } from "./plan/sensitivity.js";
export { quantizeConfig, type QuantizeConfig } from "./quantize-config.js";
export {
  quantizeDirectory,
  type DirectoryCalibration,
  type PerGraph,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "./quantize-directory.js";
export {
  quantizeFile,
  quantizedFileIn,
  type FileCalibration,
  type OutputChange,
  type QuantizeFileOptions,
  type QuantizeFileReport,
} from "./quantize-file.js";
export {
  quantizeTransformers,
  transformersGraphs,
  type QuantizeTransformersOptions,
  type QuantizeTransformersReport,
} from "./quantize-transformers.js";
export { quantizeModelGraph, type GraphCalibration, type GraphRequest } from "./quantize-model-graph.js";
export { int8Range, type Int8Range } from "./reduce-range.js";
export {
  quantizeGraph,
  type QuantizeGraphOptions,
  type QuantizedGraph,
  type QuantizedNode,
  type SkippedWeight,
} from "./rewrite/quantize-graph.js";
export { WEIGHT_FORMATS, type WeightFormat } from "./rewrite/weight-format.js";
export { hasFourBits, isStatic, learnsFromData, schemes, type Scheme } from "./schemes.js";
export { INTEGER_TYPES, parametersOf, type IntegerType } from "./static/integer-types.js";
export type { Coverage } from "./static/operator-rules.js";
export { quantizeStatic, type CalibratedStaticOptions, type StaticResult } from "./static/quantize-static.js";
export {
  BLOCK_SIZES,
  dequantizeBlocks,
  type BlockBits,
  type BlockSize,
  type BlockWeights,
} from "./weights/block-format.js";
export { BLOCK_METHODS, blockMethods, type BlockMethod } from "./weights/block-method.js";
export {
  dequantizeInt8,
  quantizeInt8PerChannel,
  type Int8Options,
  type Int8Weights,
} from "./weights/int8-per-channel.js";
export {
  quantizeBlocks,
  type BlockOptions,
  type Gram,
  type MeasuredBlocks,
} from "./weights/quantize-blocks.js";
export { openOutputThreads, type OutputThreads } from "./weights/output-threads.js";
export { relativeError } from "./weights/relative-error.js";
export type { WeightLayout, WeightMatrix } from "./weights/weight-matrix.js";
