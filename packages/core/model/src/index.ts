export {
  decoderOnlyConfig,
  decoderOnlyShape,
  encoderDecoderConfig,
  encoderDecoderShape,
  parseModelConfig,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "./config.js";
export {
  flopsPerToken,
  parameterCount,
  parameterSpecs,
  type Initialization,
  type ParameterSpec,
} from "./parameters.js";
export type { Parameters } from "./blocks.js";
export { crossCaches, encode, type CrossCache, type SourcePadding } from "./encoder.js";
export { decode, decodeStep, outputHead, type SelfCache, type SourceContext } from "./decoder.js";
export { encodeSafetensors, parseHeader, readSafetensors, type Safetensors } from "./safetensors.js";
export { fromHalf, toHalf } from "./float16.js";
export { initializeWeights, matchWeights, toFloat32, type Weights } from "./weights.js";
export {
  CONFIG_FILE,
  readCheckpoint,
  readModelConfig,
  WEIGHTS_FILE,
  writeCheckpoint,
  type Checkpoint,
} from "./checkpoint.js";
export { checkReference, REFERENCE_TOLERANCES, type ReferenceReport } from "./reference-check.js";
export { readReferenceConfig, readReferenceWeights, referenceName } from "./reference.js";
