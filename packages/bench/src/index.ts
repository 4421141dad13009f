export { benchConfig, type BenchConfig } from "./bench-config.js";
export { benchModels, type BenchInput } from "./bench-models.js";
export { BENCH_FILES, benchMarkdown, benchPage, writeBenchReport } from "./bench-report.js";
export { comparisonsTable, deviceLines, figuresTable, regressionTable } from "./bench-tables.js";
export {
  benchResultSchema,
  type BenchDevice,
  type BenchResult,
  type ModelComparison,
  type ModelFigures,
} from "./bench-result.js";
export { benchJunit } from "./junit.js";
export { measureRates, productRate, type ProductShape } from "./machine/rates.js";
export { compareResults, regressionLines } from "./regression.js";
export type { Regression } from "./regression-result.js";
export type { RuntimeModule } from "./runtime-module.js";
export type { BenchPrompt } from "./timed-model.js";
