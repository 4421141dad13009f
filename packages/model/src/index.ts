export {
  decoderOnlyConfig,
  decoderOnlyShape,
  encoderDecoderConfig,
  encoderDecoderShape,
  type DecoderOnlyConfig,
  type EncoderDecoderConfig,
  type ModelConfig,
} from "./config/config.js";
export { parseModelConfig } from "./config/parse-model-config.js";
export {
  decoderOnlySettings,
  encoderDecoderSettings,
  trainedDecoderOnly,
  wholeShape,
  type WholeShape,
} from "./config/recipe-shape.js";
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
} from "./parameters/parameters.js";
export { weightReaders, type WeightReader } from "./parameters/weight-readers.js";
export { carryOf } from "./layers/blocks.js";
export { ACTIVATIONS, type ActivationName } from "./config/activations.js";
export {
  cacheCapacity,
  cacheHeads,
  cacheParts,
  OPTIONAL_WEIGHTS,
  publishedOf,
  stackHeads,
  encoderWidth,
  pooledGroup,
  stateWidthOf,
  sharedOptions,
} from "./config/options.js";
export type { ParameterSpec } from "./parameters/parameter-spec.js";
export {
  checkTower,
  imageTokenCount,
  patchReadingOf,
  patchValues,
  towerTokens,
  visionConfig,
  visionProjector,
  visionTower,
  type VisionConfig,
  type VisionTower,
} from "./config/vision-config.js";
export { TOWER, towerSpecs } from "./parameters/vision-parameters.js";
export { imageEmbeddings, runTower } from "./vision/tower.js";
export { towerReader, towerSampleCount, towerSamples } from "./vision/tower-input.js";
export { imageTokensOf, patchesSpec, readSource } from "./source-context.js";
export type { Parameters } from "./layers/blocks.js";
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
export { loraScale, loraSpecs, withLora, withMergedLora } from "./lora.js";
export { initializeFromTeacher } from "./from-teacher/initialize-from-teacher.js";
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
} from "./parameters/weights.js";
