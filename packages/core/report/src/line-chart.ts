/** Curves over a number: loss over steps, latency over length. */
import { SlmError } from "@slm/error";
import { legendColumns, renderSvg } from "./render-svg.js";
import { thinPoints, type Point } from "./thin.js";

/** More points than a chart of this width has pixels for are thinned, so a long training run stays a small file. */
const MAX_POINTS = 600;
const WIDTH = 520;
const HEIGHT = 280;

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
}

/**
 * Draws one curve per series as an SVG that takes its ink from the text colour around it.
 * Series longer than 600 points are thinned to their extremes.
 *
 * @throws SlmError DATA_INVALID for no points, two series of one name, numbers that are not finite,
 * or y <= 0 on a logarithmic axis.
 */
export async function lineChart(chart: LineChart): Promise<string> {
  checkSeries(chart);
  const values = chart.series.flatMap(({ name, points }) =>
    thinPoints(points, MAX_POINTS).map(([x, y]) => ({ x, y, name })),
  );
  const longest = Math.max(...chart.series.map(({ points }) => points.length));
  const names = chart.series.map(({ name }) => name);
  return renderSvg(
    {
      title: chart.title,
      width: WIDTH,
      height: HEIGHT,
      data: { values },
      mark: { type: "line", strokeWidth: 2, point: longest <= 20 ? { size: 36, filled: true } : false },
      encoding: {
        x: {
          field: "x",
          type: "quantitative",
          scale: { zero: false, nice: false },
          axis: { title: chart.xLabel, grid: false, tickCount: 6 },
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
          legend: names.length === 1 ? null : { columns: legendColumns(names, WIDTH) },
        },
      },
    },
    `Line chart: ${chart.title}; ${chart.yLabel} over ${chart.xLabel}; ${names.join(", ")}`,
  );
}

function checkSeries({ title, series, logY }: LineChart): void {
  const refuse = (found: string): never => {
    throw new SlmError("DATA_INVALID", `line chart "${title}": ${found}`);
  };
  if (series.every(({ points }) => points.length === 0)) refuse("needs at least one point, got none");
  if (new Set(series.map(({ name }) => name)).size < series.length) refuse("two series share a name");
  for (const { name, points } of series) {
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y))
        refuse(`"${name}" has a point (${x}, ${y}) that is not finite`);
      if (logY === true && y <= 0) refuse(`"${name}" has y = ${y}, a logarithmic axis needs y > 0`);
    }
  }
}
