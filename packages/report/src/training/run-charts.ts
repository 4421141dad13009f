/** Charts of one or several runs: one per quantity, or per group of quantities that share an axis. */
import { lineChart, type LineChart, type LineSeries } from "../line-chart.js";
import { describeQuantity, titleOf, type Quantity, type QuantityGroup } from "./quantities.js";
import { curveOf, keysOf, type RunLog } from "./run-log.js";

/** Most charts of one group; the page names the others. */
const CHART_LIMIT = 24;

/** The axis is logarithmic if the highest loss is this many times the lowest. */
const LOGARITHMIC_FROM = 10;
/** In the order of a table. */
const GROUPS: readonly QuantityGroup[] = ["dev", "loss", "learningRate", "gradient", "throughput", "targets"];
const NOISY: ReadonlySet<QuantityGroup> = new Set(["loss", "targets", "gradient", "throughput"]);

export interface ChartGroup {
  readonly charts: readonly string[];
  /** Names of the quantities without a chart. */
  readonly omitted: readonly string[];
}

export interface NamedLog {
  readonly name: string;
  readonly log: RunLog;
}

/** The quantities of all logs, the most important first. */
export function quantitiesOf(logs: readonly RunLog[]): readonly Quantity[] {
  const quantities = [...new Set(logs.flatMap(keysOf))].map(describeQuantity);
  return GROUPS.flatMap((group) => quantities.filter((quantity) => quantity.group === group));
}

/** Curves of one run; quantities of one chart and unit share an axis. */
export async function runCharts(log: RunLog, group: QuantityGroup): Promise<ChartGroup> {
  const byChart = new Map<string, Quantity[]>();
  for (const quantity of quantitiesOf([log]).filter((each) => each.group === group))
    byChart.set(quantity.chart, [...(byChart.get(quantity.chart) ?? []), quantity]);
  const drawn = [...byChart].slice(0, CHART_LIMIT);
  const charts = drawn.map(([title, quantities]) => {
    const [first] = quantities;
    const yLabel = quantities.length === 1 ? titleOf(first!) : first!.unit;
    const series = quantities.map((quantity) => seriesOf(log, quantity, quantity.label));
    return lineChart({ title, xLabel: "step", yLabel, series, ...styleOf(first!, series) });
  });
  return { charts: await Promise.all(charts), omitted: [...byChart.keys()].slice(CHART_LIMIT) };
}

/** Curves of several runs, overlaid: one chart per quantity. A chart has only the runs that logged its quantity. */
export async function overlaidCharts(runs: readonly NamedLog[], group: QuantityGroup): Promise<ChartGroup> {
  const quantities = quantitiesOf(runs.map(({ log }) => log)).filter((each) => each.group === group);
  const charts = quantities.slice(0, CHART_LIMIT).map((quantity) => {
    const series = runs.map(({ name, log }) => seriesOf(log, quantity, name));
    const drawn = series.filter(({ points }) => points.length > 0);
    const title = capitalized(quantity.label);
    const style = styleOf(quantity, drawn);
    return lineChart({
      title,
      xLabel: "step",
      yLabel: titleOf(quantity),
      series: drawn,
      showLegend: true,
      ...style,
    });
  });
  return {
    charts: await Promise.all(charts),
    omitted: quantities.slice(CHART_LIMIT).map(({ label }) => label),
  };
}

/** A loss with a large range gets a logarithmic axis; quantities of single batches are smoothed. */
function styleOf({ group }: Quantity, series: readonly LineSeries[]): Pick<LineChart, "logY" | "smooth"> {
  const values = series.flatMap(({ points }) => points.map(([, y]) => y));
  const lowest = values.reduce((least, y) => Math.min(least, y), Number.POSITIVE_INFINITY);
  const highest = values.reduce((most, y) => Math.max(most, y), 0);
  return {
    logY: group === "loss" && lowest > 0 && highest / lowest >= LOGARITHMIC_FROM,
    smooth: NOISY.has(group),
  };
}

function seriesOf(log: RunLog, { key, scale }: Quantity, name: string): LineSeries {
  return { name, points: curveOf(log, key).map(([step, value]) => [step, value * scale] as const) };
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
