/** Quantizes a model under a gate. */
export { quantizeWithGate, readGateRequest, type GatedQuantization } from "./gated-quantization.js";
export { askGate, failedPortable, gateMessage, requireMetric } from "./judge.js";
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
