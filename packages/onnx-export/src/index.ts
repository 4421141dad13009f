export { BASELINE_NAME, exportRandomBaseline } from "./baseline.js";
export { exportConfig, type ExportChoice, type ExportConfig } from "./export-config.js";
export { exportModel, exportWeights, type ExportReport } from "./export-model.js";
export { planExport, planGraphsOf, type ExportPlan } from "./plan-export.js";
export { PROFILES, type Device, type Profile } from "./profiles.js";
export { cacheCapacity } from "./graphs/native-graphs.js";
export { type GraphSource, type Metadata } from "./graphs/record.js";
export { STATIC_IO } from "./graphs/static-graphs.js";
export { collectShortlist, type Shortlist } from "./weights/shortlist.js";
