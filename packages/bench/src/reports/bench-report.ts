/** Writes a benchmark as JSON, Markdown and an HTML page. */
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

/** Context of a benchmark: the head of its page, and sections about quality, which come before speed. */
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
            heading: "Compared with the earlier benchmark",
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
            heading: "Compared with the baseline",
            text:
              "The model's figure divided by the baseline's (medians of repeated values), with the 95 % confidence interval " +
              "of the ratio of medians (bootstrap over rounds, 1,000 times).",
            table: comparisonsTable(result),
          },
        ]),
    ...(notes.length === 0
      ? []
      : [{ heading: `Warnings: ${notes.length}`, text: notes.join("\n\n"), folded: true }]),
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

/** Transposes a table that is wider than long, so that it fits a page without scrolling. */
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

const METHOD = `Greedy generation for one prompt at a time. Each model ran in its own process. The processes took turns in random \
order, one at a time, so that drift of the machine affected all of them equally. The confidence interval of a median lies between two \
measured values (binomial law); with six or more runs its level is at least 95 %.

First token: from source tokens, and the file of an image, to the first logits, encoding included. Inter-token latency: from \
one decoder step to the next, over all steps of all runs. Decode rate: steps after the first, divided by the time after the first. Words per \
second: over the whole time from text to text. Load: reading graphs and tokenizer, in a new process each time, with the files in the \
system's cache. Peak memory: of the whole process, Node and runtime included; the memory of the process before the model was \
read is shown next to it.

FLOPs are computed from shapes; a multiply-add counts as two, attention scores are excluded. "With source" adds the cost of reading \
the source, spread over the tokens of the answer. For each token the decoder reads its whole file, and the keys and values of a source \
and half an answer. The machine's rates come from a large float32 matrix product and a large matrix-vector product, on the same runtime \
and threads, before and after the models. Integer weights can exceed the first rate, models that fit the caches the second.`;

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
