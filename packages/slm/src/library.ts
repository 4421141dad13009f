/** The exports of the library. `index.ts` re-exports them, and lets extensions import them by the name of the package. */
export { GateFailed, SlmError, type ErrorCode } from "@slm/core/errors";
export {
  defineDataset,
  type Dataset,
  type DatasetContext,
  type Example,
  type RejectedExample,
} from "@slm/data";
export { defineExtension, useExtension, type Extension } from "@slm/extensions";
export { defineMetric, type Metric, type MetricDefinition } from "@slm/metrics";
export type {
  ExternalCheckpoint,
  ExternalModel,
  ExternalTensor,
  Importer,
  WeightFormat,
} from "@slm/checkpoints";
export type { DataFormat } from "@slm/data";
export type { DistributionInputs, LabelInputs, LossMath, LossTerm } from "@slm/distillation/loss-terms";
export { defineLabeller, type LabellerKind, type OpenedLabeller } from "@slm/labelling/labeller-kinds";
export type { LabelAnswer, LabelRequestOptions } from "@slm/labelling";
export type { DeployRequest, DeployTarget } from "@slm/deploy";
export type { TrackedRun, Tracker, TrackerTarget } from "@slm/report";
export { bench, type BenchOptions, type BenchReport } from "./functions/bench.js";
export { compile, type CompileOptions, type CompiledModel } from "./functions/compile.js";
export {
  exportModel,
  planExport,
  type ExportOptions,
  type ExportedModel,
} from "./functions/export-checkpoint.js";
export { openModel, type OpenModelOptions } from "@slm/models/open";
export type { GenerateOptions, Generation, Model, Source } from "@slm/inference";
export { imageOfBytes, imageOfFile, type ImageSource } from "@slm/vision";
export {
  quantize,
  type QuantizeOptions,
  type QuantizedModel,
  type WithoutGate,
} from "./functions/quantize.js";
export {
  planRecipe,
  runRecipe,
  type RecipeOptions,
  type RunPlan,
  type RunRecipeOptions,
  type RunReport,
} from "./functions/run-recipe.js";
export {
  distill,
  type DistilledStudent,
  type StageOptions,
  type StageReport,
} from "./functions/run-stage.js";
export { serve, type ModelServer, type ServeOptions, type Stopped } from "./functions/serve.js";
export type { WorkEvent, WorkOptions } from "@slm/core/work";
