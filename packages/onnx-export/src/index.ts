export { BASELINE_NAME, baselineConfig, exportRandomBaseline, type BaselineOptions } from "./baseline.js";
export {
  exportConfig,
  EXPORT_LAYOUTS,
  type ExportChoice,
  type ExportConfig,
  type ExportLayout,
} from "./export-config.js";
export {
  exportModel,
  exportWeights,
  type ExportModelOptions,
  type ExportReport,
  type ExportSettings,
  type ExportSource,
} from "./export-model.js";
export { planExport, type ExportPlan, type GraphEstimate, type MemoryEstimate } from "./plan-export.js";
export { PROFILES, selectDevice, type Device, type Profile } from "./profiles.js";
export { cacheCapacity, decoderGraph, encoderGraph, type PlaceholderSizes } from "./graphs/native-graphs.js";
export { graphSource, type GraphSource, type Metadata } from "./graphs/record.js";
export { STATIC_MASKED } from "./lowerings/context.js";
export { STATIC_IO, type StaticSizes } from "./graphs/static-graphs.js";
export { TRANSFORMERS_DECODER_IO } from "./graphs/transformers-decoder-only.js";
export { TRANSFORMERS_IO } from "./graphs/transformers-graphs.js";
export { collectShortlist, type Shortlist } from "./weights/shortlist.js";
export type { ParityCase, ParityReport } from "./parity/parity.js";
