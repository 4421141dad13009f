/** Quantizes a model under a gate. */
export { quantizeWithGate, readGateRequest, type GatedQuantization } from "./gated-quantization.js";
export { QualityGate, gateMessage, type GatedModel, type MeasuredModel } from "./quality-gate.js";
export {
  checkQuantizeSettings,
  directoryOptions,
  fileOptions,
  rejectData,
  rejectGate,
  rejectShapes,
  weightSettings,
  type QuantizeSettings,
} from "./quantize-request.js";
