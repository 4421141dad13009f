export { type Tensor } from "./tf.js";
export { activeRecorder, CONTRIB, Recorder, withRecorder } from "./recording/recorder.js";
export { registerRecordingBackend } from "./recording/kernels.js";
export { withLowering, scope, type Lowering, type LoweringTable } from "./ops/lowering.js";
export type {
  CachedAttentionAttributes,
  HeadLayout,
  HeadOrder,
  OpName,
  OpSet,
  SelfAttentionAttributes,
} from "./ops/signatures.js";
export { add, embedding, gelu, lastPosition, linear, rmsNorm } from "./ops/basic.js";
export {
  cachedAttention,
  crossAttention,
  crossKey,
  crossValue,
  lengthBias,
  lengthMask,
  MASKED,
  selfAttention,
} from "./ops/attention.js";
export { maskBias } from "./ops/attention.js";
export { rotaryTable, type RotaryTable } from "./ops/rotary.js";
export {
  crossEntropy,
  forwardKl,
  reverseKl,
  softTargetCrossEntropy,
  type CountedLogits,
} from "./ops/losses.js";
export { math } from "./math.js";
export { termsAndGradients, valueAndGradients, type LossAndTerms } from "./gradients.js";
export {
  ENGINE_NAMES,
  type Engine,
  type EngineName,
  type Program,
  type ProgramDefinition,
  type TensorSpec,
} from "./engine/program.js";
export { traceProgram } from "./engine/trace.js";
export { createOnnxEngine } from "./engine/onnx-engine.js";
export { createEagerEngine, type EagerEngineName } from "./engine/eager-engine.js";
