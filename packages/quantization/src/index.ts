export { checkDeviceScheme } from "./models/device-schemes.js";
export { feedsInMemory, inParts, type FeedSource, type Feeds } from "./calibration/feeds.js";
export type { ModelCalibration } from "./calibration/model-feeds.js";
export type { TokenPair } from "./calibration/token-pairs.js";
export {
  checkGate,
  gateIn,
  parseGate,
  type Gate,
  type GateQuestion,
  type GateResult,
} from "./models/gate.js";
export { logitDivergence, modelDivergence } from "./calibration/logit-divergence.js";
export { quantizeConfig } from "./models/quantize-config.js";
export { usualScheme } from "./models/portable-form.js";
export {
  quantizeDirectory,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "./models/quantize-directory.js";
export {
  quantizeFile,
  quantizedFileIn,
  type QuantizeFileOptions,
  type QuantizeFileReport,
} from "./models/quantize-file.js";
export {
  quantizeTransformers,
  transformersGraphs,
  type QuantizeTransformersReport,
} from "./models/quantize-transformers.js";
export { quantizeModelGraph, type GraphRequest } from "./models/quantize-model-graph.js";
export { quantizeGraph } from "./rewrite/quantize-graph.js";
export type { WeightFormat } from "@slm/devices";
export { hasFewBits, isStatic, learnsFromData, schemes, type Scheme } from "./models/schemes.js";
export { parametersOf, type IntegerType } from "./static/integer-types.js";
export type { Coverage } from "./static/operator-rules.js";
export { quantizeStatic } from "./static/quantize-static.js";
export { dequantizeBlocks, type BlockWeights } from "./weights/block-format.js";
export { dequantizeInt8, quantizeInt8PerChannel } from "./weights/int8-per-channel.js";
export { quantizeBlocks } from "./weights/quantize-blocks.js";
export { openOutputThreads, type OutputThreads } from "./weights/output-threads.js";
export { relativeError } from "./weights/relative-error.js";
export type { WeightLayout, WeightMatrix } from "./weights/weight-matrix.js";
