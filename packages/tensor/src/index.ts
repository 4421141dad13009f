export { type Tensor } from "./recording/tf.js";
export { CONTRIB, Recorder, withRecorder } from "./recording/recorder.js";
export { PRECISIONS, type Precision } from "./recording/dialect.js";
export { registerRecordingBackend } from "./recording/kernels.js";
export { inFloat32, withLowering, scope, type Lowering, type LoweringTable } from "./ops/lowering.js";
export type {
  CachedAttentionAttributes,
  HeadLayout,
  OpName,
  OpSet,
  OptionalRotation,
  PositionAttributes,
  RelativeBuckets,
  Rotation,
  MergedSource,
  ScoreAttributes,
  SelfAttentionAttributes,
} from "./ops/signatures.js";
export { add, embedding, gelu, qkNorm, lastPosition, linear, positionRows, rmsNorm } from "./ops/basic.js";
export { erfGelu, multiply, QUICK_GELU_SLOPE, quickGelu, relu, silu, softcap } from "./ops/gates.js";
export { layerNorm } from "./ops/layer-norm.js";
export {
  checkMix,
  checkShift,
  concatTokens,
  mixTokens,
  shiftGrid,
  shiftWeights,
  tokensFrom,
} from "./ops/tokens.js";
export { poolTokens } from "./ops/pool-tokens.js";
export { crossAttention, crossKey, crossValue, lengthBias, selfAttention } from "./ops/attention.js";
export { cachedAttention } from "./ops/cached-attention.js";
export { recurrence } from "./ops/recurrence.js";
export { segmentAttention } from "./ops/segment-attention.js";
export { MASKED, maskBias } from "./ops/masks.js";
export { relativeBucket } from "./ops/relative-bias.js";
export { rotaryTable, rotationOf } from "./ops/rotary.js";
export { dropout, withDropout } from "./ops/dropout.js";
export { drawnMasks } from "./ops/drawn-masks.js";
export { type MaskedLogits } from "./ops/masked-logits.js";
export { crossEntropy, softTargetCrossEntropy } from "./ops/losses/cross-entropy.js";
export {
  DIVERGENCE_DEFAULTS,
  DIVERGENCE_NAMES,
  DIVERGENCES,
  forwardKl,
  reverseKl,
  type Divergence,
  type DivergenceName,
} from "./ops/losses/divergences.js";
export { ctc, type CtcInputs } from "./ops/losses/ctc.js";
export { sampleTokens, type SampleTokensOptions } from "./ops/sample-tokens.js";
export { roundWeights, weightScales, type WeightGrid } from "./ops/rounded-weights.js";
export { math } from "./math.js";
export { termsAndGradients, valueAndGradients } from "./gradients.js";
export {
  type Engine,
  type EngineName,
  type MaskMaker,
  type Program,
  type ProgramDefinition,
  type TensorSpec,
} from "./engine/program.js";
export { traceProgram } from "./engine/trace.js";
export { createOnnxEngine } from "./engine/onnx-engine.js";
export { createEagerEngine } from "./engine/eager-engine.js";
