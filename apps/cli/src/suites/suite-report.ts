/** The paper's comparison as a table and a page: the measurements of this machine, and the paper's figures for its devices. */
import { join } from "node:path";
import { writeJsonAtomic, writeTextAtomic } from "@slm/core";
import { BENCH_FILES, deviceLines } from "@slm/bench";
import { lineChart, markdownTable, reportPage, type Table } from "@slm/report";
import type { PaperSuiteResult, Sides, SuiteFigures } from "./paper-suite.js";

const number = (value: number): string =>
  new Intl.NumberFormat("en-US", { maximumSignificantDigits: value >= 1000 ? 4 : 3 }).format(value);
const both = ({ encoderDecoder, decoderOnly }: Sides, unit = 1): string =>
  `${number(encoderDecoder / unit)} / ${number(decoderOnly / unit)}`;
const ratio = ({ encoderDecoder, decoderOnly }: Sides): string => `${number(encoderDecoder / decoderOnly)}x`;
/** The difference in percent: -47 % where the encoder-decoder takes 53 % of the decoder-only model's time. */
const change = ({ encoderDecoder, decoderOnly }: Sides): string => {
  const percent = Math.round(100 * (encoderDecoder / decoderOnly - 1));
  return `${percent > 0 ? "+" : ""}${percent} %`;
};

/**
 * Upper bound of tokens/s of a decoder-only model without a KV cache, as the paper's seems to be: it reads all input again, so each
 * token takes at least as long as the first one took here.
 */
const rateWithoutCache = ({ batch, firstTokenMs }: SuiteFigures): number =>
  (1000 * batch) / firstTokenMs.decoderOnly;

const COLUMNS: readonly (readonly [title: string, cell: (figures: SuiteFigures) => string])[] = [
  ["weights", ({ scheme }) => scheme],
  ["layers", ({ encoderLayers, decoderLayers }) => `${encoderLayers} + ${decoderLayers}`],
  ["in / out [tokens]", ({ source, answer }) => `${source} / ${answer}`],
  ["rows a batch", ({ batch }) => String(batch)],
  ["first token [ms]", ({ firstTokenMs }) => both(firstTokenMs)],
  ["", ({ firstTokenMs }) => change(firstTokenMs)],
  ["end to end [tokens/s]", ({ tokensPerSecond }) => both(tokensPerSecond)],
  ["", ({ tokensPerSecond }) => ratio(tokensPerSecond)],
  ["decoder-only without a cache, at most [tokens/s]", (figures) => number(rateWithoutCache(figures))],
  ["decoding [tokens/s]", ({ decodeRate }) => both(decodeRate)],
  ["", ({ decodeRate }) => ratio(decodeRate)],
  ["peak memory [MB]", ({ peakRssBytes }) => both(peakRssBytes, 1e6)],
  ["", ({ peakRssBytes }) => change(peakRssBytes)],
  ["MFLOP a token", ({ flopsPerToken }) => both(flopsPerToken, 1e6)],
  ["", ({ flopsPerToken }) => change(flopsPerToken)],
];

/** One row per point of the grid; pairs are encoder-decoder / decoder-only. */
export function suiteTable({ suite }: Pick<PaperSuiteResult, "suite">): Table {
  return {
    columns: COLUMNS.map(([title], place) => ({ title, align: place < 2 ? "left" : "right" })),
    rows: suite.cells.map((figures) => COLUMNS.map(([, cell]) => cell(figures))),
  };
}

/** The paper's figures in one sentence, separate from the measurements. */
export function claimsLine({ suite: { claims } }: Pick<PaperSuiteResult, "suite">): string {
  const percent = (share: number): string => `${Math.round(100 * share)} %`;
  const [least, most] = claims.memoryReduction;
  return (
    `The paper (arXiv:2501.16273) reports, on its own devices: first token ${percent(claims.firstTokenReduction)} earlier and ` +
    `${claims.throughputRatio} times the throughput on an NPU, ${percent(least)} to ${percent(most)} less memory, ` +
    `${percent(claims.flopsReduction)} less arithmetic. Its decoder-only model seems to have no KV cache and to read all input again for every ` +
    "token. The one here has a KV cache; the table also gives an upper bound without it."
  );
}

/** The table in Markdown, for a report or a commit. */
function suiteMarkdown(result: PaperSuiteResult): string {
  const intro = `${deviceLines(result).join("; ")}. Pairs are encoder-decoder / decoder-only, medians.`;
  return `${[intro, markdownTable(suiteTable(result)), claimsLine(result)].join("\n\n")}\n`;
}

/** The suite as one self-contained HTML page. */
async function suitePage(result: PaperSuiteResult): Promise<string> {
  const { suite, notes } = result;
  const { encoderLayers: main, answer, batch } = suite.cells[0]!;
  const chart = (title: string, yLabel: string, pick: (figures: SuiteFigures) => Sides): Promise<string> => {
    const series = new Map<string, (readonly [number, number])[]>();
    for (const figures of suite.cells) {
      if (figures.encoderLayers !== main || figures.answer !== answer || figures.batch !== batch) continue;
      const sides = pick(figures);
      for (const [side, value] of [
        ["encoder-decoder", sides.encoderDecoder],
        ["decoder-only", sides.decoderOnly],
      ] as const) {
        const name = `${side}, ${figures.scheme}`;
        series.set(name, [...(series.get(name) ?? []), [figures.source, value]]);
      }
    }
    return lineChart({
      title,
      xLabel: "source [tokens]",
      yLabel,
      logY: true,
      series: Array.from(series, ([name, points]) => ({ name, points })),
    });
  };
  const svg = await Promise.all([
    chart("First token", "latency [ms]", ({ firstTokenMs }) => firstTokenMs),
    chart("End to end", "[tokens/s]", ({ tokensPerSecond }) => tokensPerSecond),
    chart("Decoding", "[tokens/s]", ({ decodeRate }) => decodeRate),
  ]);
  return reportPage({
    title: "The paper's comparison",
    subtitle: deviceLines(result).join("; "),
    sections: [
      ...(notes.length === 0 ? [] : [{ heading: "Read with care", text: notes.join("\n\n") }]),
      {
        heading: "Measured here",
        text: "Encoder-decoder / decoder-only of equal parameters, random weights, the same schemes, threads and tokens, both with a KV cache. Medians.",
        table: suiteTable(result),
        svg,
      },
      { heading: "In the paper", text: claimsLine(result) },
    ],
  });
}

/** Writes bench.json, report.html and table.md. @throws SlmError OUTPUT_FAILED */
export async function writeSuiteReport(directory: string, result: PaperSuiteResult): Promise<void> {
  await writeJsonAtomic(join(directory, BENCH_FILES.result), result);
  await writeTextAtomic(join(directory, BENCH_FILES.report), await suitePage(result));
  await writeTextAtomic(join(directory, BENCH_FILES.table), suiteMarkdown(result));
}
