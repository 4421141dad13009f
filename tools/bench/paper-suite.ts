/**
 * Repeats the comparison of arXiv:2501.16273 on this machine: an encoder-decoder and a decoder-only model of the same size with a KV cache,
 * both with random weights, for several lengths, batch sizes, weight formats and numbers of encoder layers.
 *
 *   npm run build && npx jiti tools/bench/paper-suite.ts OUT [--shape configs/paper-330m/model.yaml] [--schemes float32,cpu]
 *     [--sources 128,512,2048] [--answers 64] [--batches 1] [--encoder-layers 20,10,15] [--runs 5] [--threads N] [--without-caches]
 *
 * The first number of encoder layers and the first batch size are measured at every length, the others at one point with the last scheme.
 * Each point is one run of `slm bench MODEL --baseline decoder-only`. Results are stored in OUT/cells, so the same command resumes after
 * the last point. The table is written to OUT/table.md.
 *
 * With --without-caches, both models generate without caches, as in the paper's code: see lib/without-caches.ts. Points then have one
 * row, and times are seconds of one thread.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { parse, stringify } from "yaml";
import { SILENT } from "@slm/core";
import { makeBaseline } from "@slm/models/bench";
import { table } from "../lib/markdown.mjs";
import { measureWithoutCaches, type UncachedFigures } from "./lib/without-caches.js";

const root = join(import.meta.dirname, "..", "..");
const UNQUANTIZED = "float32";

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    shape: { type: "string", default: join(root, "configs", "paper-330m", "model.yaml") },
    schemes: { type: "string", default: "float32,cpu" },
    sources: { type: "string", default: "128,512,2048" },
    answers: { type: "string", default: "64" },
    batches: { type: "string", default: "1" },
    "encoder-layers": { type: "string", default: "20,10,15" },
    runs: { type: "string", default: "5" },
    threads: { type: "string" },
    "without-caches": { type: "boolean", default: false },
  },
});
const [out] = positionals;
if (out === undefined) throw new Error("expected a directory for the results: paper-suite.ts OUT");

interface Cell {
  readonly scheme: string;
  readonly source: number;
  readonly answer: number;
  readonly encoderLayers: number;
  readonly batch: number;
}

/** Figures of a model in the result of `slm bench --json`. */
interface Figures {
  readonly firstTokenMs: { readonly p50: number };
  readonly totalMs: { readonly p50: number };
  readonly tokensPerSecond: { readonly p50: number };
  readonly peakRssBytes: number;
  readonly flopsPerTokenWithSource: number;
}

const numbers = (list: string): readonly number[] => list.split(",").map(Number);

/** The points to measure, in order. */
function cells(): readonly Cell[] {
  const schemes = values.schemes.split(",");
  const [sources, answers] = [numbers(values.sources), numbers(values.answers)];
  const [encoderLayers = 20, ...splits] = numbers(values["encoder-layers"]);
  const [batch = 1, ...batches] = numbers(values.batches);
  const whole = schemes.flatMap((scheme) =>
    sources.flatMap((source) => answers.map((answer) => ({ scheme, source, answer, encoderLayers, batch }))),
  );
  const middle = {
    scheme: schemes.at(-1)!,
    source: sources[Math.floor(sources.length / 2)]!,
    answer: answers[0]!,
  };
  return [
    ...whole,
    ...batches.map((rows) => ({ ...middle, encoderLayers, batch: rows })),
    ...splits.map((layers) => ({ ...middle, encoderLayers: layers, batch })),
  ];
}

/** Runs slm. @returns its JSON result */
function slm(...argv: readonly string[]): unknown {
  const bin = join(root, "apps", "cli", "bin", "run.js");
  const text = execFileSync(process.execPath, [bin, ...argv, "--json"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 2 ** 28,
  });
  return (JSON.parse(text) as { readonly result: unknown }).result;
}

/** Makes the encoder-decoder for a number of encoder layers and a scheme, once. @returns its directory */
async function modelOf({ encoderLayers, scheme }: Cell): Promise<string> {
  const directory = join(out!, "models", String(encoderLayers));
  const [shape, checkpoint, float32] = ["shape.yaml", "checkpoint", UNQUANTIZED].map((name) =>
    join(directory, name),
  ) as [string, string, string];
  if (!existsSync(float32)) {
    const given = parse(await readFile(values.shape, "utf8")) as Record<string, number>;
    const [sources, answers] = [numbers(values.sources), numbers(values.answers)];
    await mkdir(directory, { recursive: true });
    const split = {
      ...given,
      encoderLayers,
      decoderLayers: given["encoderLayers"]! + given["decoderLayers"]! - encoderLayers,
      maxSource: Math.max(given["maxSource"]!, ...sources),
      // The BOS token needs one position.
      maxTarget: Math.max(given["maxTarget"]!, ...answers.map((answer) => answer + 1)),
    };
    await writeFile(shape, stringify(split));
    slm("model", "init", shape, "-o", checkpoint);
    slm("export", checkpoint, "--target", "cpu", "-o", float32);
  }
  if (scheme === UNQUANTIZED) return float32;
  const quantized = join(directory, scheme);
  if (!existsSync(quantized)) slm("quantize", float32, "--scheme", scheme, "-o", quantized);
  return quantized;
}

/** Measures a point, unless it was measured earlier. @returns the encoder-decoder's figures, then the decoder-only model's */
async function measured(cell: Cell): Promise<readonly [Figures, Figures]> {
  const { scheme, source, answer, encoderLayers, batch } = cell;
  const report = join(out!, "cells", [scheme, encoderLayers, source, answer, batch].join("-"));
  if (!existsSync(report)) {
    const model = await modelOf(cell);
    // The tokenizer of random models has one token per character.
    const argv = [
      "--baseline",
      "decoder-only",
      "--prompt",
      "a".repeat(source),
      "--force-tokens",
      `${answer}`,
    ];
    if (values.threads !== undefined) argv.push("--threads", values.threads);
    slm("bench", model, ...argv, "--batch", `${batch}`, "--runs", values.runs, "-o", report);
  }
  const { models } = JSON.parse(await readFile(join(report, "bench.json"), "utf8")) as {
    readonly models: readonly [Figures, Figures];
  };
  return models;
}

/** Figures without caches of the encoder-decoder and of a decoder-only model, stored once measured. */
async function measuredWithoutCaches(cell: Cell): Promise<readonly [UncachedFigures, UncachedFigures]> {
  const { scheme, source, answer, encoderLayers } = cell;
  const file = join(
    out!,
    "cells",
    `${[scheme, encoderLayers, source, answer].join("-")}-without-caches.json`,
  );
  if (!existsSync(file)) {
    const ours = await modelOf(cell);
    const theirs = join(out!, "models", String(encoderLayers), `${scheme}-baseline`);
    if (!existsSync(theirs)) {
      const context = { progress: SILENT, signal: new AbortController().signal, seed: 1 };
      await makeBaseline({ like: ours, outputDirectory: theirs, context });
    }
    const request = { source, answer, runs: Number(values.runs) };
    const figures = [
      await measureWithoutCaches({ ...request, directory: ours }),
      await measureWithoutCaches({ ...request, directory: theirs }),
    ];
    await mkdir(join(out!, "cells"), { recursive: true });
    await writeFile(file, JSON.stringify(figures));
  }
  return JSON.parse(await readFile(file, "utf8")) as readonly [UncachedFigures, UncachedFigures];
}

const number = (value: number): string =>
  new Intl.NumberFormat("en-US", { maximumSignificantDigits: value >= 1000 ? 4 : 3 }).format(value);
const sides = (pair: readonly [number, number]): string => pair.map(number).join(" / ");
const change = ([ours, theirs]: readonly [number, number]): string =>
  `${Math.round(100 * (ours / theirs - 1))} %`;
const ratio = ([ours, theirs]: readonly [number, number]): string => `${number(ours / theirs)}x`;

const COLUMNS = [
  "weights",
  "encoder layers",
  "in / out [tokens]",
  "batch",
  "TTFT [ms]",
  "",
  "end to end [tokens/s]",
  "",
  // Without a cache, every token needs all input again, so each takes at least as long as the first token here.
  "decoder-only without a cache, at most [tokens/s]",
  "decode [tokens/s]",
  "",
  "peak memory [MB]",
  "",
  "MFLOP a token",
  "",
];

function rowOf(cell: Cell, models: readonly [Figures, Figures]): readonly string[] {
  const pair = (figure: (model: Figures) => number): readonly [number, number] => [
    figure(models[0]),
    figure(models[1]),
  ];
  const first = pair(({ firstTokenMs }) => firstTokenMs.p50);
  const whole = pair(({ totalMs }) => (1000 * cell.batch * cell.answer) / totalMs.p50);
  const decode = pair(({ tokensPerSecond }) => tokensPerSecond.p50);
  const memory = pair(({ peakRssBytes }) => peakRssBytes / 1e6);
  const flops = pair(({ flopsPerTokenWithSource }) => flopsPerTokenWithSource / 1e6);
  return [
    cell.scheme,
    String(cell.encoderLayers),
    `${cell.source} / ${cell.answer}`,
    String(cell.batch),
    sides(first),
    change(first),
    sides(whole),
    ratio(whole),
    number((1000 * cell.batch) / first[1]),
    sides(decode),
    ratio(decode),
    sides(memory),
    change(memory),
    sides(flops),
    change(flops),
  ];
}

const UNCACHED_COLUMNS = [
  "weights",
  "encoder layers",
  "in / out [tokens]",
  "TTFT [s of one thread]",
  "",
  "end to end [tokens per s of one thread]",
  "",
  "GFLOP",
  "",
];

function uncachedRowOf(cell: Cell, models: readonly [UncachedFigures, UncachedFigures]): readonly string[] {
  const pair = (figure: (model: UncachedFigures) => number): readonly [number, number] => [
    figure(models[0]),
    figure(models[1]),
  ];
  const first = pair(({ firstSeconds }) => firstSeconds);
  const whole = pair(({ totalSeconds }) => cell.answer / totalSeconds);
  const flops = pair((model) => model.flops / 1e9);
  return [
    cell.scheme,
    String(cell.encoderLayers),
    `${cell.source} / ${cell.answer}`,
    sides(first),
    change(first),
    sides(whole),
    ratio(whole),
    sides(flops),
    change(flops),
  ];
}

const withoutCaches = values["without-caches"];
const rows: (readonly string[])[] = [];
for (const cell of cells())
  rows.push(
    withoutCaches
      ? uncachedRowOf(cell, await measuredWithoutCaches(cell))
      : rowOf(cell, await measured(cell)),
  );
const report = table(withoutCaches ? UNCACHED_COLUMNS : COLUMNS, rows);
await writeFile(join(out, "table.md"), `Pairs are encoder-decoder / decoder-only (medians).\n\n${report}\n`);
process.stdout.write(`${report}\n`);
