/** Line charts: loss over steps, latency over length. */
import { SlmError } from "@slm/core";
import type { TopLevelSpec } from "vega-lite";
import { legendColumns, renderSvg, SERIES_COLORS } from "./render-svg.js";
import { runningMean } from "./smooth.js";
import { thinPoints, type Point } from "./thin.js";

/** Longer series are thinned to about twice the pixel width of the chart, so that long runs give small files. */
const MAX_POINTS = 600;
/** With its axes a chart is about half as wide as a page [pixels]. */
const WIDTH = 340;
const HEIGHT = 200;
/** Dash patterns: on, off [pixels]. */
const DASHES = [
  [1, 0],
  [6, 3],
  [2, 2],
  [9, 3, 2, 3],
] as const;

export interface LineSeries {
  readonly name: string;
  readonly points: readonly Point[];
}

export interface LineChart {
  readonly title: string;
  /** Axis titles carry the unit: "step", "loss [nats per token]". */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly LineSeries[];
  /** A logarithmic y axis; every y must then be positive. */
  readonly logY?: boolean;
  /** Whether to draw the running mean of each series over its faded points. Short series are not smoothed. */
  readonly smooth?: boolean;
  /** Whether to show a legend for a single series. Default: no. */
  readonly showLegend?: boolean;
}

/**
 * Draws one curve per series as an SVG whose axes use the surrounding text colour.
 * Series longer than 600 points are thinned to their extremes.
 *
 * @throws SlmError DATA_INVALID for no points, two series of one name, numbers that are not finite,
 * or y <= 0 on a logarithmic axis.
 */
export async function lineChart(chart: LineChart): Promise<string> {
  checkSeries(chart);
  const names = chart.series.map(({ name }) => name);
  return renderSvg(
    {
      title: chart.title,
      width: WIDTH,
      height: HEIGHT,
      encoding: {
        x: {
          field: "x",
          type: "quantitative",
          scale: { zero: false, nice: false },
          axis: { title: chart.xLabel, grid: false, tickCount: 5 },
        },
        y: {
          field: "y",
          type: "quantitative",
          scale: chart.logY === true ? { type: "log", nice: false } : { zero: false },
          axis: { title: chart.yLabel, tickCount: 5, domain: false, ticks: false },
        },
        color: {
          field: "name",
          type: "nominal",
          sort: names,
          scale: { domain: names },
          legend:
            names.length === 1 && chart.showLegend !== true
              ? null
              : { columns: legendColumns(names, WIDTH), symbolOpacity: 1, symbolType: "stroke" },
        },
        ...(names.length > SERIES_COLORS.length ? dashes(names) : {}),
      },
      layer: chart.smooth === true ? smoothLayers(chart.series) : [lineLayer(chart.series)],
    },
    {
      label: `Line chart: ${chart.title}; ${chart.yLabel} over ${chart.xLabel}; ${names.join(", ")}`,
      description: chart.series
        .filter(({ points }) => points.length > 0)
        .map(describeSeries)
        .join("; "),
    },
  );
}

type Layer = Extract<TopLevelSpec, { layer: unknown }>["layer"][number];

/** The curves, not smoothed; short ones show their points. */
function lineLayer(series: readonly LineSeries[]): Layer {
  const longest = Math.max(...series.map(({ points }) => points.length));
  const point = longest <= 20 ? { size: 36, filled: true } : false;
  return { data: { values: valuesOf(series) }, mark: { type: "line", strokeWidth: 2, point } };
}

/** The running means, drawn over their curves. */
function smoothLayers(series: readonly LineSeries[]): Layer[] {
  const means = series.map(({ name, points }) => ({ name, points: runningMean(points) }));
  return [
    { data: { values: valuesOf(series) }, mark: { type: "line", strokeWidth: 1, opacity: 0.3 } },
    lineLayer(means),
  ];
}

function valuesOf(series: readonly LineSeries[]): { x: number; y: number; name: string }[] {
  return series.flatMap(({ name, points }) =>
    thinPoints(points, MAX_POINTS).map(([x, y]) => ({ x, y, name })),
  );
}

/** Colours repeat after six series; series with the same colour have different dash patterns. */
function dashes(names: readonly string[]): object {
  const range = names.map((_, index) => DASHES[Math.floor(index / SERIES_COLORS.length) % DASHES.length]);
  return { strokeDash: { field: "name", type: "nominal", sort: names, scale: { domain: names, range } } };
}

/** A text description of a series: first and last value, and range. */
function describeSeries({ name, points }: LineSeries): string {
  const sorted = [...points].sort((a, b) => a[0] - b[0]);
  const [first, last] = [sorted[0]!, sorted.at(-1)!];
  let [lowest, highest] = [first[1], first[1]];
  for (const [, y] of sorted) [lowest, highest] = [Math.min(lowest, y), Math.max(highest, y)];
  const text = (value: number): string => String(Number(value.toPrecision(4)));
  return (
    `${name}: ${text(first[1])} at ${text(first[0])}, ${text(last[1])} at ${text(last[0])}, ` +
    `between ${text(lowest)} and ${text(highest)}`
  );
}

function checkSeries({ title, series, logY }: LineChart): void {
  const reject = (found: string): never => {
    throw new SlmError("DATA_INVALID", `line chart "${title}": ${found}`);
  };
  if (series.every(({ points }) => points.length === 0)) reject("needs at least one point, got none");
  if (new Set(series.map(({ name }) => name)).size < series.length) reject("two series share a name");
  for (const { name, points } of series) {
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y))
        reject(`"${name}" has a point (${x}, ${y}) that is not finite`);
      if (logY === true && y <= 0) reject(`"${name}" has y = ${y}, a logarithmic axis needs y > 0`);
    }
  }
}
