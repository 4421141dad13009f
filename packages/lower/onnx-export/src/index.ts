export { BASELINE_NAME, baselineConfig, exportRandomBaseline, type BaselineOptions } from "./baseline.js";
export { exportConfig, EXPORT_TARGETS, type ExportConfig, type ExportTarget } from "./export-config.js";
export {
  exportModel,
  exportWeights,
  type ExportModelOptions,
  type ExportReport,
  type ExportSettings,
  type ExportSource,
} from "./export-model.js";
export { cpuLowerings, type CpuLoweringOptions } from "./lowerings/cpu.js";
export {
  cacheCapacity,
  decoderGraph,
  encoderGraph,
  type GraphOptions,
  type PlaceholderSizes,
} from "./model-graphs.js";
export type { ParityCase, ParityReport } from "./parity.js";
