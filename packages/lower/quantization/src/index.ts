export { checkGate, parseGate, type Gate, type GateQuestion, type GateResult } from "./gate.js";
export {
  BLOCK_SIZES,
  dequantizeInt4,
  quantizeInt4Blocks,
  type BlockSize,
  type Int4Weights,
} from "./int4-blocks.js";
export {
  dequantizeInt8,
  quantizeInt8PerChannel,
  type Int8Options,
  type Int8Weights,
} from "./int8-per-channel.js";
export { quantizeConfig, type QuantizeConfig } from "./quantize-config.js";
export {
  quantizeDirectory,
  type QuantizeDirectoryOptions,
  type QuantizeReport,
} from "./quantize-directory.js";
export {
  quantizeGraph,
  type QuantizeGraphOptions,
  type QuantizedGraph,
  type QuantizedNode,
  type SkippedWeight,
} from "./quantize-graph.js";
export { relativeError } from "./relative-error.js";
export { SCHEME_NAMES, schemes, type Scheme, type SchemeName, type WeightFormat } from "./schemes.js";
export type { WeightLayout, WeightMatrix } from "./weight-matrix.js";
