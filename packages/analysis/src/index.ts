export {
  analyzeModel,
  STATIC_CHECK,
  type ModelDescription,
  type NodePlace,
  type Place,
} from "./analyze-model.js";
export { analyzePath, type PathAnalysis } from "./analyze-path.js";
export { RULES, type Counts, type Finding } from "./graph/finding.js";
export type { Profile, Source } from "./profiles/profile.js";
export { OPERATOR_RULES } from "./profiles/profiles.js";
export { reportLines } from "./report-lines.js";
export { rejectUnsupported } from "./unsupported-graph.js";
export { inferShapes } from "./shapes/infer.js";
export { withFixedSizes } from "./shapes/fixed-sizes.js";
export type { Dimension, Shape } from "./shapes/facts.js";
