export {
  analyzeModel,
  STATIC_CHECK,
  type AnalysisSummary,
  type AnalyzeOptions,
  type ModelAnalysis,
  type ModelDescription,
  type OperatorCount,
  type Place,
} from "./analyze-model.js";
export {
  analyzePath,
  type AnalyzePathOptions,
  type GraphAnalysis,
  type PathAnalysis,
} from "./analyze-path.js";
export { RULES, type Counts, type Finding, type RuleName, type Severity } from "./finding.js";
export type {
  OperatorRules,
  OperatorSupport,
  Profile,
  QuantizationRules,
  Source,
} from "./profiles/profile.js";
export { OPERATOR_RULES, profileOf } from "./profiles/profiles.js";
export { reportLines } from "./report-lines.js";
export type { GraphFacts } from "./shapes/graph-facts.js";
export { inferShapes, type InferredModel, type ShapeProblem } from "./shapes/infer.js";
export { withFixedSizes } from "./shapes/fixed-sizes.js";
export type { Dimension, Shape, ValueFacts } from "./shapes/facts.js";
export { inferredOperators } from "./shapes/table.js";
