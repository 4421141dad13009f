export { benchConfig, type BenchConfig } from "./bench-config.js";
export { benchModels } from "./bench-models.js";
export { BENCH_FILES, writeBenchReport } from "./bench-report.js";
export { comparisonsTable, deviceLines, figuresTable, regressionTable } from "./bench-tables.js";
export { benchResultSchema, type BenchResult } from "./bench-result.js";
export { benchJunit } from "./junit.js";
export { measureRates, productRate, type ProductShape } from "./machine/rates.js";
export { compareResults, regressionLines } from "./regression.js";
export type { BenchPrompt } from "./timed-model.js";
