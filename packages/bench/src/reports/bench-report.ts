/** A benchmark as files: JSON, Markdown and a page. */
import { join } from "node:path";
import { writeJsonAtomic, writeTextAtomic } from "@slm/core";
import {
  barChart,
  lineChart,
  markdownTable,
  reportPage,
  transposedTable,
  type BarGroup,
  type ReportPage,
  type ReportSection,
  type Table,
} from "@slm/report";
import type { BenchResult, ModelFigures } from "../results/bench-result.js";
import { comparisonsTable, deviceLines, figuresTable, regressionTable } from "./bench-tables.js";

/** Files a benchmark writes. */
export const BENCH_FILES = { result: "bench.json", report: "report.html", table: "table.md" } as const;

/** What a benchmark was made for: the head of its page, and sections about quality, which come before speed. */
export type BenchAbout = Partial<Pick<ReportPage, "title" | "facts" | "headline" | "sections">>;

interface Part {
  readonly heading: string;
  readonly text?: string;
  readonly table?: Table;
  readonly folded?: boolean;
}

/** Contents of the page and the Markdown, without charts. */
function partsOf(result: BenchResult): readonly Part[] {
  const { comparisons, notes, regression } = result;
  return [
    ...(regression === undefined
      ? []
      : [
          {
            heading: "Against the earlier benchmark",
            text: [
              `Allowed: worse by ${(100 * regression.maxRegression).toFixed(1)} %.`,
              ...regression.notes,
            ].join("\n\n"),
            table: regressionTable(result),
          },
        ]),
    { heading: FIGURES_HEADING, table: figuresTable(result) },
    ...(comparisons.length === 0
      ? []
      : [
          {
            heading: "Against the baseline",
            text:
              "The model's figure over the baseline's, of medians where there are several values; in brackets the 95 % confidence interval " +
              "of the ratio of medians (bootstrap over rounds, 1,000 times).",
            table: comparisonsTable(result),
          },
        ]),
    ...(notes.length === 0
      ? []
      : [{ heading: `Read with care: ${notes.length} notes`, text: notes.join("\n\n"), folded: true }]),
    { heading: "How it was measured", text: METHOD },
  ];
}

const FIGURES_HEADING = "Figures";

/** The benchmark as Markdown, for a commit or a comment. */
export function benchMarkdown(result: BenchResult): string {
  const parts = partsOf(result).map(({ heading, text, table }) =>
    [
      `## ${heading}`,
      ...(text === undefined ? [] : [text]),
      ...(table === undefined ? [] : [markdownTable(upright(table))]),
    ].join("\n\n"),
  );
  return `${["# Benchmark", ...deviceLines(result), ...parts].join("\n\n")}\n`;
}

/** Transposes a table that is wider than long, so that it fits a page and nobody has to scroll twenty columns. */
function upright(table: Table): Table {
  return table.rows.length >= table.columns.length ? table : transposedTable(table);
}

/** The benchmark as one self-contained HTML page. */
export async function benchPage(result: BenchResult, about: BenchAbout = {}): Promise<string> {
  const { title = "Benchmark", facts, headline, sections: quality = [] } = about;
  const svg = await charts(result);
  const sections = partsOf(result).map(({ table, ...part }): ReportSection => {
    const shown = table === undefined ? part : { ...part, table: upright(table) };
    return part.heading === FIGURES_HEADING ? { ...shown, svg } : shown;
  });
  const machine = { heading: "Machine", text: deviceLines(result).join("\n\n") };
  return reportPage({ title, facts, headline, sections: [...quality, ...sections, machine] });
}

function charts({ models }: BenchResult): Promise<readonly string[]> {
  const bars = (
    title: string,
    yLabel: string,
    of: (model: ModelFigures) => BarGroup["bars"],
  ): Promise<string> =>
    barChart({ title, yLabel, groups: models.map((model) => ({ name: model.name, bars: of(model) })) });
  const quantiles = ({ p50, p95, p99 }: ModelFigures["interTokenMs"]): BarGroup["bars"] => [
    { label: "p50", value: p50 },
    { label: "p95", value: p95 },
    { label: "p99", value: p99 },
  ];
  return Promise.all([
    bars("First token", "latency [ms]", ({ firstTokenMs }) => quantiles(firstTokenMs)),
    bars("Inter-token latency", "latency [ms]", ({ interTokenMs }) => quantiles(interTokenMs)),
    bars("Decode rate", "rate after the first token [tokens/s]", ({ tokensPerSecond: { p5, p50 } }) => [
      { label: "p50", value: p50 },
      { label: "p5 (slow tail)", value: p5 },
    ]),
    bars("Memory and size", "[MB]", ({ peakRssBytes, bytes }) => [
      { label: "peak memory", value: peakRssBytes / 1e6 },
      { label: "size on disk", value: bytes / 1e6 },
    ]),
    bars("Share of the machine's roofline, while decoding", "[%]", ({ roofline: { product, read } }) => [
      { label: "multiplying", value: 100 * product },
      { label: "reading memory", value: 100 * read },
    ]),
    lineChart({
      title: "Every run, in order",
      xLabel: "round",
      yLabel: "total time [ms]",
      showLegend: true,
      series: models.map(({ name, samples }) => ({
        name,
        points: samples.map(({ totalMs }, round) => [round + 1, totalMs] as const),
      })),
    }),
  ]);
}

const METHOD = `Greedy generation for one prompt at a time. Each model was alone in a process of its own; the processes took \
turns in random order, so that drift of the machine met all alike, and only one worked at a time. A line says where the true \
median lies: between two of the measured values, by the binomial law, 95 % sure from six runs on.

First token: from source tokens, and the file of an image, to the first next-token probabilities, encoding included. Token to \
token: from one step of the decoder to the next, every step of every run. Decode rate: steps after the first over the time after the first. Words per \
second: over the whole time from text to text. Load: graphs and tokenizer read until ready, in a new process each time, files in \
the system's cache. Peak memory: of the whole process, Node and runtime included; what those took before the model was read \
stands beside it.

FLOPs are counted from shapes, a multiply-add as two, attention scores excluded. "With source" adds the reading of the \
source, by the encoder or by the decoder-only model itself, spread over the tokens of the answer. What the decoder reads for a \
token: its whole file, and the keys and values of a source and half an answer. The machine's rates are a large float32 product \
and the product of a large matrix with one vector, on the same runtime and threads, before and after the models; integer weights \
may exceed the first, and models that fit the caches the second.`;

/** Writes bench.json, report.html and table.md into a directory. @throws SlmError OUTPUT_FAILED */
export async function writeBenchReport(
  directory: string,
  result: BenchResult,
  about?: BenchAbout,
): Promise<void> {
  await writeJsonAtomic(join(directory, BENCH_FILES.result), result);
  await writeTextAtomic(join(directory, BENCH_FILES.report), await benchPage(result, about));
  await writeTextAtomic(join(directory, BENCH_FILES.table), benchMarkdown(result));
}
