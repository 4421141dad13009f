export { BASELINE_NAME, exportRandomBaseline } from "./baseline.js";
export { exportSection, type ExportChoice, type ExportSection } from "./settings/export-config.js";
export {
  exportCheckpoint,
  exportWeights,
  type ExportReport,
  type ExportSettings,
} from "./export-checkpoint.js";
export { planExport, planGraphsOf, type ExportPlan } from "./plan-export.js";
export { PROFILES, type Device, type Profile } from "./settings/profiles.js";
export { type GraphSource, type Metadata } from "./graphs/record.js";
export { collectShortlist, type Shortlist } from "./weights/shortlist.js";
