export { barChart, type Bar, type BarChart, type BarGroup } from "./bar-chart.js";
export { lineChart, type LineChart, type LineSeries } from "./line-chart.js";
export { markdownTable } from "./markdown-table.js";
export {
  reportPage,
  type CellTone,
  type PictureCell,
  type ReportPage,
  type ReportSection,
  type Table,
  type TableCell,
  type TableColumn,
} from "./page.js";
export { predictionsSection, type Prediction } from "./predictions.js";
export { compareRuns, type ComparedRun } from "./training/compare-runs.js";
export {
  curveOf,
  keysOf,
  lastStep,
  parseRunLog,
  readRunLog,
  type RunLog,
  type RunRecord,
} from "./training/run-log.js";
export {
  parseSamples,
  readSamples,
  samplesMarkdown,
  samplesSection,
  SAMPLES_FILE,
  type Sample,
  type Samples,
} from "./training/samples.js";
export { summarizeRun, type BestValue, type RunSummary } from "./training/summary.js";
export { trainingPage, type TrainingPage } from "./training/training-page.js";
export {
  openEventFile,
  tensorboardTag,
  type EventFile,
  type EventFileOptions,
} from "./tensorboard/event-file.js";
export type { Point } from "./thin.js";
