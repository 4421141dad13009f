/** The tables of a benchmark. */
import type { Table } from "@slm/report";
import type { BenchResult, ModelComparison, ModelFigures } from "../results/bench-result.js";
import type { Interval } from "../statistics/interval.js";
import { titleOfFigure } from "../results/regression.js";
import type { FigureChange } from "../results/regression-result.js";

type Row<Item> = readonly [title: string, cell: (item: Item) => string];

/** Three significant digits; integers from 1,000 on. */
const formatFigure = (value: number): string =>
  new Intl.NumberFormat(
    "en-US",
    value >= 1000 ? { maximumFractionDigits: 0 } : { maximumSignificantDigits: 3 },
  ).format(value);

const list = (...values: readonly number[]): string => values.map(formatFigure).join(" / ");
const percent = (share: number): string => `${formatFigure(100 * share)} %`;
const within = ({ low, high }: Interval): string => `${formatFigure(low)} to ${formatFigure(high)}`;

const FIGURES: readonly Row<ModelFigures>[] = [
  ["model", ({ name }) => name],
  ["weights", ({ scheme }) => scheme],
  ["parameters [M]", ({ parameters }) => formatFigure(parameters / 1e6)],
  ["size [MB]", ({ bytes }) => formatFigure(bytes / 1e6)],
  ["load [ms]", ({ loadMs }) => formatFigure(loadMs)],
  [
    "first token p50 / p90 / p95 / p99 [ms]",
    ({ firstTokenMs: { p50, p90, p95, p99 } }) => list(p50, p90, p95, p99),
  ],
  ["  95 % confidence interval of the median", ({ firstTokenMs }) => within(firstTokenMs.interval)],
  [
    "inter-token latency p50 / p90 / p95 / p99 [ms]",
    ({ interTokenMs: { p50, p90, p95, p99 } }) => list(p50, p90, p95, p99),
  ],
  ["decode p50 / p5 [tokens/s]", ({ tokensPerSecond: { p50, p5 } }) => list(p50, p5)],
  ["  95 % confidence interval of the median", ({ tokensPerSecond }) => within(tokensPerSecond.interval)],
  ["end to end p50 / p5 [words/s]", ({ wordsPerSecond: { p50, p5 } }) => list(p50, p5)],
  ["total p50 / p90 / p95 / p99 [ms]", ({ totalMs: { p50, p90, p95, p99 } }) => list(p50, p90, p95, p99)],
  ["  95 % confidence interval of the median", ({ totalMs }) => within(totalMs.interval)],
  [
    "energy [J/token]",
    ({ joulesPerToken }) => (joulesPerToken === null ? "not measured" : formatFigure(joulesPerToken)),
  ],
  ["peak memory [MB]", ({ peakRssBytes }) => formatFigure(peakRssBytes / 1e6)],
  ["of it before loading [MB]", ({ processRssBytes }) => formatFigure(processRssBytes / 1e6)],
  ["decoder [MFLOP/token]", ({ flopsPerToken }) => formatFigure(flopsPerToken / 1e6)],
  ["with source [MFLOP/token]", (figures) => formatFigure(figures.flopsPerTokenWithSource / 1e6)],
  ["decoder reads [MB/token]", ({ bytesPerToken }) => formatFigure(bytesPerToken / 1e6)],
  [
    "share of compute / memory rate",
    ({ roofline: { product, read } }) => `${percent(product)} / ${percent(read)}`,
  ],
  ["rows a batch", ({ batch }) => formatFigure(batch)],
  ["source / answer [tokens]", (figures) => list(figures.sourceTokens, figures.generatedTokens)],
];

/** Shown if a model reads images. */
const IMAGE_FIGURE: Row<ModelFigures> = [
  "of first token image p50 / p90 / p95 / p99 [ms]",
  ({ imageMs }) =>
    imageMs === undefined ? "none" : list(imageMs.p50, imageMs.p90, imageMs.p95, imageMs.p99),
];

const times = (value: number | null): string => (value === null ? "none" : `${formatFigure(value)}x`);
const sure = (value: number, interval: Interval | null): string =>
  interval === null ? times(value) : `${times(value)} (${within(interval)})`;

const RATIOS: readonly Row<ModelComparison>[] = [
  ["model / baseline", ({ model, baseline }) => `${model} / ${baseline}`],
  ["parameters", ({ ratios }) => times(ratios.parameters)],
  ["size", ({ ratios }) => times(ratios.bytes)],
  ["load", ({ ratios }) => times(ratios.loadMs)],
  ["first token", ({ ratios, intervals }) => sure(ratios.firstTokenMs, intervals.firstTokenMs)],
  ["inter-token latency", ({ ratios }) => times(ratios.interTokenMs)],
  ["tokens/s", ({ ratios, intervals }) => sure(ratios.tokensPerSecond, intervals.tokensPerSecond)],
  ["words/s", ({ ratios }) => times(ratios.wordsPerSecond)],
  ["total", ({ ratios, intervals }) => sure(ratios.totalMs, intervals.totalMs)],
  ["peak memory", ({ ratios }) => times(ratios.peakRssBytes)],
  ["FLOP/token", ({ ratios }) => times(ratios.flopsPerToken)],
  ["with source", ({ ratios }) => times(ratios.flopsPerTokenWithSource)],
  ["bytes/token", ({ ratios }) => times(ratios.bytesPerToken)],
];

const NOISE = { true: "beyond the noise", false: "within the noise", null: "too few runs to say" } as const;

const CHANGES: readonly Row<FigureChange>[] = [
  ["model", ({ model }) => model],
  ["figure", ({ figure }) => titleOfFigure(figure)],
  ["before", ({ before }) => formatFigure(before)],
  ["now", ({ now }) => formatFigure(now)],
  ["worse by", ({ worseBy }) => percent(worseBy)],
  ["", ({ beyondNoise }) => NOISE[`${beyondNoise}`]],
  ["allowed", ({ regressed }) => (regressed ? "NO" : "yes")],
];

/** One row per model, units in the titles. Latencies show their upper quantiles, rates p50 / p5, so that both show the slow tail. */
export function figuresTable({ models }: Pick<BenchResult, "models">): Table {
  const seeing = models.some(({ imageMs }) => imageMs !== undefined);
  return tableOf(seeing ? [...FIGURES, IMAGE_FIGURE] : FIGURES, models);
}

/** One row per comparison: the ratio to the baseline, with its confidence interval. */
export function comparisonsTable({ comparisons }: Pick<BenchResult, "comparisons">): Table {
  return tableOf(RATIOS, comparisons);
}

/** One row per model and figure; empty without an earlier benchmark. */
export function regressionTable({ regression }: Pick<BenchResult, "regression">): Table {
  return tableOf(CHANGES, regression?.changes ?? []);
}

function tableOf<Item>(rows: readonly Row<Item>[], items: readonly Item[]): Table {
  return {
    columns: rows.map(([title], place) => ({ title, align: place === 0 ? "left" : "right" })),
    rows: items.map((item) => rows.map(([, cell]) => cell(item))),
  };
}

/** The machine and the runtime, one line each. */
export function deviceLines({ device }: Pick<BenchResult, "device">): readonly string[] {
  const { cpu, cores, threads, memoryBytes, platform, node, engine, provider, simulated } = device;
  const { cpuFeatures, int8, governor, energy, rates, description } = device;
  const features = cpuFeatures === null ? "features unknown" : cpuFeatures.join(" ");
  return [
    `${cpu}, ${cores} cores (at most ${threads} threads used), ${formatFigure(memoryBytes / 1e9)} GB memory, ${platform}, ` +
      `Node ${node}, ${engine}, provider ${provider}${simulated ? " (simulated)" : ""}` +
      (description === cpu ? "" : ` on ${description}`),
    `${features}${governor === null ? "" : `, governor ${governor}`}; products ` +
      `${formatFigure(rates.productFlops / 1e9)} GFLOP/s, reading ${formatFigure(rates.readBytes / 1e9)} GB/s; ` +
      `energy ${energy}`,
    ...(int8 === undefined ? [] : [int8.meaning]),
  ];
}
