/** Measures the paper's comparison: an encoder-decoder and a decoder-only model of equal size, over lengths. */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeFolder, readJsonFile, throwIfInterrupted, writeJsonAtomic, type StageContext } from "@slm/core";
import { benchResultSchema, type BenchConfig, type BenchResult } from "@slm/bench";
import { BASELINE_NAME } from "@slm/onnx-export";
import type { EncoderDecoderConfig } from "@slm/model";
import { processorRecipe } from "../compute/devices.js";
import { measureModels } from "../models/bench-setup.js";
import { cellsOf, PAPER_CLAIMS, splitShape, type SuiteCell, type SuiteGrid } from "./paper-setting.js";
import { makePair } from "./suite-models.js";

export interface PaperSuiteOptions {
  readonly shape: EncoderDecoderConfig;
  readonly grid: SuiteGrid;
  readonly config: BenchConfig;
  readonly threads: number | undefined;
  /** Directory of models and finished points, which are reused. */
  readonly work: string;
  readonly context: StageContext;
}

/** Figures of one point of the grid. Ratios are of medians, encoder-decoder over decoder-only. */
export interface SuiteFigures extends SuiteCell {
  readonly decoderLayers: number;
  /** Time to first token (TTFT) [ms]. */
  readonly firstTokenMs: Sides;
  /** End-to-end throughput: tokens of all answers over the total time, prefill included. */
  readonly tokensPerSecond: Sides;
  /** Decode throughput: tokens of all rows after their first, per second. */
  readonly decodeRate: Sides;
  readonly peakRssBytes: Sides;
  /** FLOPs per generated token, prefill included. */
  readonly flopsPerToken: Sides;
}

export interface Sides {
  readonly encoderDecoder: number;
  readonly decoderOnly: number;
}

export interface PaperSuiteResult extends BenchResult {
  readonly suite: {
    readonly name: "paper";
    readonly claims: typeof PAPER_CLAIMS;
    readonly cells: readonly SuiteFigures[];
  };
}

const DIRECTORIES = { models: "models", cells: "cells" } as const;

/**
 * Runs every point of the grid; finished points are kept in `work`, so that an interrupted run resumes after the last.
 *
 * @throws SlmError USAGE, CONFIG_INVALID, INTERRUPTED, and what making and measuring models throw
 */
export async function runPaperSuite(options: PaperSuiteOptions): Promise<PaperSuiteResult> {
  const { grid, work, context } = options;
  const cells = cellsOf(grid);
  await makeFolder(join(work, DIRECTORIES.cells));
  const results: BenchResult[] = [];
  const figures: SuiteFigures[] = [];
  for (const [at, cell] of cells.entries()) {
    throwIfInterrupted(context.signal, "bench");
    context.progress({ stage: "bench", message: `point ${at + 1} of ${cells.length}: ${titleOf(cell)}` });
    const result = await measured(cell, options);
    results.push(result);
    figures.push(figuresOf(cell, result, options));
  }
  await rm(join(work, DIRECTORIES.models), { recursive: true, force: true });
  return {
    device: results[0]!.device,
    models: results.flatMap(({ models }) => models),
    comparisons: results.flatMap(({ comparisons }) => comparisons),
    notes: [...new Set(results.flatMap(({ notes }) => notes))],
    suite: { name: "paper", claims: PAPER_CLAIMS, cells: figures },
  };
}

/** One point, read from disk if it was measured before. */
async function measured(cell: SuiteCell, options: PaperSuiteOptions): Promise<BenchResult> {
  const { shape, grid, config, threads, work, context } = options;
  const path = join(work, DIRECTORIES.cells, `${fileName(cell)}.json`);
  if (existsSync(path)) return readJsonFile(path, benchResultSchema);
  const split = splitShape(shape, cell.encoderLayers, grid);
  const root = join(work, DIRECTORIES.models);
  const { encoderDecoder, decoderOnly } = await makePair({
    shape: split,
    scheme: cell.scheme,
    root,
    context,
  });
  const title = titleOf(cell);
  const baseline = `${BASELINE_NAME}, ${title}`;
  const result = await measureModels({
    models: [
      { name: `encoder-decoder, ${title}`, directory: encoderDecoder },
      { name: baseline, directory: decoderOnly },
    ],
    baseline,
    prompts: [promptOf(cell.source)],
    config: { ...config, forceTokens: cell.answer, batch: cell.batch },
    runtime: processorRecipe(threads),
    context,
  });
  await writeJsonAtomic(path, result);
  return result;
}

/** A text with this many tokens: the tokenizer of random models has one token per character. */
const promptOf = (tokens: number): string => "a".repeat(tokens);

const titleOf = ({ scheme, source, answer, encoderLayers, batch }: SuiteCell): string =>
  `${scheme}, ${encoderLayers} encoder layers, ${source} tokens in, ${answer} out, ${batch} at once`;

const fileName = ({ scheme, source, answer, encoderLayers, batch }: SuiteCell): string =>
  [scheme, encoderLayers, source, answer, batch].join("-");

function figuresOf(
  cell: SuiteCell,
  { models }: BenchResult,
  { shape, grid }: PaperSuiteOptions,
): SuiteFigures {
  const [student, baseline] = models;
  const sides = (figure: (model: BenchResult["models"][number]) => number): Sides => ({
    encoderDecoder: figure(student!),
    decoderOnly: figure(baseline!),
  });
  return {
    ...cell,
    decoderLayers: splitShape(shape, cell.encoderLayers, grid).decoderLayers,
    firstTokenMs: sides(({ firstTokenMs }) => firstTokenMs.p50),
    tokensPerSecond: sides(({ totalMs }) => (1000 * cell.batch * cell.answer) / totalMs.p50),
    decodeRate: sides(({ tokensPerSecond }) => tokensPerSecond.p50),
    peakRssBytes: sides(({ peakRssBytes }) => peakRssBytes),
    flopsPerToken: sides(({ flopsPerTokenWithSource }) => flopsPerTokenWithSource),
  };
}
