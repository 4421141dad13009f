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
  EMBEDDING_WEIGHT,
  flopsPerImage,
  flopsPerToken,
  HEAD_WEIGHT,
  headWeight,
  MODEL_MODULES,
  parameterCount,
  parameterSpecs,
  moduleOf,
  visionOf,
  type ModelModule,
} from "./parameters.js";
export type { Initialization, ParameterSpec } from "./parameter-spec.js";
export {
  checkTower,
  imageTokenCount,
  patchGrid,
  patchReadingOf,
  patchValues,
  towerTokens,
  visionConfig,
  visionProjector,
  visionTower,
  type VisionConfig,
  type VisionProjector,
  type VisionTower,
} from "./vision/vision-config.js";
export { PROJECTOR, TOWER, towerSpecs, visionSpecs } from "./vision/vision-parameters.js";
export { poolWeights } from "./vision/pool-weights.js";
export { imageEmbeddings, runTower } from "./vision/tower.js";
export { towerInput, towerReader, towerSampleCount, towerSamples } from "./vision/tower-input.js";
export { imageTokensOf, patchesSpec, readSource, type SourceTensors } from "./source-context.js";
export type { Parameters } from "./blocks.js";
export { crossCaches, encode, type CrossCache, type SourcePadding } from "./encoder.js";
export { decode, decodeStep, outputHead, type SelfCache, type SourceContext } from "./decoder.js";
export { decoderDropoutShapes, encoderDropoutShapes } from "./dropout-shapes.js";
export { loraSpecs, mergeLora, withLora, type LoraScale } from "./lora.js";
export { initializeFromTeacher, type TeacherInitialization } from "./initialize-from-teacher.js";
export { initializeParameters, initializeWeights, matchWeights, toFloat32, type Weights } from "./weights.js";
