export { barChart, type Bar, type BarGroup } from "./bar-chart.js";
export { lineChart } from "./line-chart.js";
export { markdownTable } from "./markdown-table.js";
export {
  reportPage,
  transposedTable,
  type Fact,
  type HeadlineFigure,
  type ReportPage,
  type ReportSection,
  type Table,
  type TableCell,
  type TableColumn,
} from "./page.js";
export { compareRuns } from "./training/compare-runs.js";
export { keysOf, lastStep, parseRunLog, readRunLog, type RunLog } from "./training/run-log.js";
export { readSamples, sampleLines, SAMPLES_FILE, type Sample, type Samples } from "./training/samples.js";
export { flattenSettings } from "./training/settings.js";
export { summarizeRun, type RunSummary } from "./training/summary.js";
export { TRACKERS, type TrackedRun, type Tracker, type TrackerTarget } from "./training/tracker.js";
export { trainingPage } from "./training/training-page.js";
