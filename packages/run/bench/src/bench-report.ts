/** A benchmark as tables and as a page. */
import { join } from "node:path";
import { writeJsonAtomic, writeTextAtomic } from "@slm/artifact";
import { barChart, reportPage, type BarGroup, type ReportSection, type Table } from "@slm/report";
import type { BenchResult, ModelComparison, ModelFigures } from "./bench-result.js";

/** Files a benchmark writes. */
export const BENCH_FILES = { result: "bench.json", report: "report.html" } as const;

type Row<Item> = readonly [title: string, cell: (item: Item) => string];

const number = (value: number): string =>
  new Intl.NumberFormat("en-US", { maximumSignificantDigits: value >= 1000 ? 6 : 3 }).format(value);
const pair = ({ p50, p95 }: { readonly p50: number; readonly p95: number }): string =>
  `${number(p50)} / ${number(p95)}`;
const tail = ({ p5, p50 }: { readonly p5: number; readonly p50: number }): string =>
  `${number(p50)} / ${number(p5)}`;

const FIGURES: readonly Row<ModelFigures>[] = [
  ["model", ({ name }) => name],
  ["weights", ({ scheme }) => scheme],
  ["parameters [M]", ({ parameters }) => number(parameters / 1e6)],
  ["size [MB]", ({ bytes }) => number(bytes / 1e6)],
  ["load [ms]", ({ loadMs }) => number(loadMs)],
  ["first token p50 / p95 [ms]", ({ firstTokenMs }) => pair(firstTokenMs)],
  ["decode p50 / p5 [tokens/s]", ({ tokensPerSecond }) => tail(tokensPerSecond)],
  ["end to end p50 / p5 [words/s]", ({ wordsPerSecond }) => tail(wordsPerSecond)],
  ["total p50 / p95 [ms]", ({ totalMs }) => pair(totalMs)],
  ["peak memory [MB]", ({ peakRssBytes }) => number(peakRssBytes / 1e6)],
  ["of it process [MB]", ({ processRssBytes }) => number(processRssBytes / 1e6)],
  ["decoder [MFLOP/token]", ({ flopsPerToken }) => number(flopsPerToken / 1e6)],
  ["with source [MFLOP/token]", (figures) => number(figures.flopsPerTokenWithSource / 1e6)],
  [
    "source / answer [tokens]",
    (figures) => `${number(figures.sourceTokens)} / ${number(figures.generatedTokens)}`,
  ],
];

/** Shown where a model sees. */
const IMAGE_FIGURE: Row<ModelFigures> = [
  "of first token image p50 / p95 [ms]",
  ({ imageMs }) => (imageMs === undefined ? "none" : pair(imageMs)),
];

const times = (value: number | null): string => (value === null ? "none" : `${number(value)}x`);

const RATIOS: readonly Row<ModelComparison>[] = [
  ["model / baseline", ({ model, baseline }) => `${model} / ${baseline}`],
  ["parameters", ({ ratios }) => times(ratios.parameters)],
  ["size", ({ ratios }) => times(ratios.bytes)],
  ["first token", ({ ratios }) => times(ratios.firstTokenMs)],
  ["tokens/s", ({ ratios }) => times(ratios.tokensPerSecond)],
  ["words/s", ({ ratios }) => times(ratios.wordsPerSecond)],
  ["total", ({ ratios }) => times(ratios.totalMs)],
  ["peak memory", ({ ratios }) => times(ratios.peakRssBytes)],
  ["FLOP/token", ({ ratios }) => times(ratios.flopsPerToken)],
  ["with source", ({ ratios }) => times(ratios.flopsPerTokenWithSource)],
];

/** One row per model, units in the titles. Latencies show p50 / p95, rates p50 / p5: the slow tail of either. */
export function figuresTable({ models }: Pick<BenchResult, "models">): Table {
  const seeing = models.some(({ imageMs }) => imageMs !== undefined);
  return tableOf(seeing ? [...FIGURES, IMAGE_FIGURE] : FIGURES, models);
}

/** One row per comparison: the model's figure over the baseline's. */
export function comparisonsTable({ comparisons }: Pick<BenchResult, "comparisons">): Table {
  return tableOf(RATIOS, comparisons);
}

function tableOf<Item>(rows: readonly Row<Item>[], items: readonly Item[]): Table {
  return {
    columns: rows.map(([title], place) => ({ title, align: place === 0 ? "left" : "right" })),
    rows: items.map((item) => rows.map(([, cell]) => cell(item))),
  };
}

/** One line that says what was measured on. */
export function deviceLine({ device }: Pick<BenchResult, "device">): string {
  const { cpu, cores, threads, memoryBytes, platform, node, engine, provider, simulated } = device;
  return (
    `${cpu}, ${cores} cores (${threads} threads used), ${number(memoryBytes / 1e9)} GB memory, ${platform}, ` +
    `Node ${node}, ${engine}, provider ${provider}${simulated ? " (simulated)" : ""}`
  );
}

/** The benchmark as one self-contained HTML page. */
export async function benchPage(result: BenchResult): Promise<string> {
  const { models, comparisons, notes } = result;
  const chart = (
    title: string,
    yLabel: string,
    bars: (model: ModelFigures) => BarGroup["bars"],
  ): Promise<string> =>
    barChart({ title, yLabel, groups: models.map((model) => ({ name: model.name, bars: bars(model) })) });
  const svg = await Promise.all([
    chart("First token", "latency [ms]", ({ firstTokenMs: { p50, p95 } }) => [
      { label: "p50", value: p50 },
      { label: "p95", value: p95 },
    ]),
    chart("Decode rate", "rate after the first token [tokens/s]", ({ tokensPerSecond: { p5, p50 } }) => [
      { label: "p50", value: p50 },
      { label: "p5 (slow tail)", value: p5 },
    ]),
    chart("Memory and size", "[MB]", ({ peakRssBytes, bytes }) => [
      { label: "peak memory", value: peakRssBytes / 1e6 },
      { label: "size on disk", value: bytes / 1e6 },
    ]),
  ]);
  const compared: readonly ReportSection[] =
    comparisons.length === 0
      ? []
      : [
          {
            heading: "Against the baseline",
            text: "The model's figure over the baseline's, medians where there are several.",
            table: comparisonsTable(result),
          },
        ];
  return reportPage({
    title: "Benchmark",
    subtitle: deviceLine(result),
    sections: [
      ...(notes.length === 0 ? [] : [{ heading: "Read with care", text: notes.join("\n\n") }]),
      { heading: "Figures", table: figuresTable(result), svg },
      ...compared,
      { heading: "How it was measured", text: METHOD },
    ],
  });
}

const METHOD = `Greedy generation for one prompt at a time. Each model was alone in a process of its own; the processes took \
turns in random order, so that drift of the machine met all alike, and only one worked at a time.

First token: from source tokens, and the file of an image, to the first next-token probabilities, encoding included. Decode rate: steps after the \
first over the time after the first. Words per second: over the whole time from text to text. Peak memory: of the whole \
process, Node and engine included; what those took before the model was read stands beside it.

FLOPs are counted from shapes, a multiply-add as two, attention scores excluded. "With source" adds the reading of the \
source, by the encoder or by the decoder-only model itself, spread over the tokens of the answer.`;

/** Writes bench.json and report.html into a directory. @throws SlmError OUTPUT_FAILED */
export async function writeBenchReport(directory: string, result: BenchResult): Promise<void> {
  await writeJsonAtomic(join(directory, BENCH_FILES.result), result);
  await writeTextAtomic(join(directory, BENCH_FILES.report), await benchPage(result));
}
