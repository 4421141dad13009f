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
  LAST_NORM_WEIGHT,
  headWeight,
  isMultiplied,
  MODEL_MODULES,
  parameterCount,
  parameterSpecs,
  moduleOf,
  visionOf,
  type ModelModule,
} from "./parameters.js";
export { carryOf } from "./blocks.js";
export { ACTIVATIONS, type ActivationName } from "./activations.js";
export {
  cacheHeads,
  cacheParts,
  OPTIONAL_WEIGHTS,
  publishedOf,
  stackHeads,
  stackWidth,
  pooledGroup,
  stateWidthOf,
  sharedOptions,
} from "./options.js";
export type { ParameterSpec } from "./parameter-spec.js";
export {
  checkTower,
  imageTokenCount,
  patchReadingOf,
  patchValues,
  towerTokens,
  visionConfig,
  visionTower,
  type VisionConfig,
  type VisionTower,
} from "./vision/vision-config.js";
export { TOWER, towerSpecs } from "./vision/vision-parameters.js";
export { imageEmbeddings, runTower } from "./vision/tower.js";
export { towerReader, towerSampleCount, towerSamples } from "./vision/tower-input.js";
export { imageTokensOf, patchesSpec, readSource } from "./source-context.js";
export type { Parameters } from "./blocks.js";
export { crossCaches, encode } from "./encoder.js";
export {
  decode,
  decodeAfter,
  decodeStep,
  outputHead,
  type LayerPast,
  type SelfCache,
  type SourceContext,
} from "./decoder.js";
export { decoderDropoutShapes, encoderDropoutShapes } from "./dropout-shapes.js";
export { loraSpecs, withLora, withMergedLora } from "./lora.js";
export { initializeFromTeacher } from "./initialize-from-teacher.js";
export { chooseLayers, LAYER_CHOICES, type LayerChoice } from "./from-teacher/choose-layers.js";
export { isNarrower, narrowTeacher } from "./from-teacher/narrow-teacher.js";
export { pickTokens } from "./from-teacher/pick-tokens.js";
export {
  decoderOnlyTeacher,
  studentOfTeacher,
  withLayerOptions,
  type ChosenLayers,
} from "./from-teacher/student-shape.js";
export {
  CROSS_STARTS,
  studentFromTeacher,
  type DecoderOnlyModel,
  type StudentWeights,
} from "./from-teacher/student-weights.js";
export {
  observeTeacher,
  STATISTIC_NAMES,
  STATISTICS,
  type TeacherStatistics,
} from "./from-teacher/teacher-statistics.js";
export {
  fillSinusoids,
  initializeParameters,
  initializeWeights,
  matchWeights,
  toFloat32,
  type Weights,
} from "./weights.js";
