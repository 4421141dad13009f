export { barChart, type Bar, type BarChart, type BarGroup } from "./bar-chart.js";
export { lineChart, type LineChart, type LineSeries } from "./line-chart.js";
export { reportPage, type ReportPage, type ReportSection, type Table, type TableColumn } from "./page.js";
export type { Point } from "./thin.js";
