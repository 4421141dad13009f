export { benchConfig, type BenchConfig } from "./bench-config.js";
export { benchModels, type BenchInput } from "./bench-models.js";
export {
  BENCH_FILES,
  benchPage,
  comparisonsTable,
  deviceLine,
  figuresTable,
  writeBenchReport,
} from "./bench-report.js";
export {
  benchResultSchema,
  type BenchDevice,
  type BenchResult,
  type ModelComparison,
  type ModelFigures,
} from "./bench-result.js";
export type { RuntimeModule } from "./runtime-module.js";
export type { BenchPrompt } from "./timed-model.js";
