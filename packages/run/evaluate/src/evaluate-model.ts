/** Runs a model over rows with known answers and measures how often, and by how much, it is wrong. */
import { SILENT, throwIfInterrupted, writeTextAtomic, type Progress } from "@slm/artifact";
import { SlmError } from "@slm/error";
import type { GenerateOptions, Generator } from "@slm/generate";
import { METRICS, type MetricName } from "@slm/metrics";
import { batchesOf } from "./batches.js";

/** Batches asked for in one call: the generator groups sources of like length, so it should see many. */
const BATCHES_AT_ONCE = 8;

/** One question and every accepted answer to it. */
export interface EvaluationRow {
  readonly source: string;
  readonly references: readonly string[];
}

export interface EvaluationInput {
  readonly generator: Pick<Generator, "generate">;
  readonly rows: AsyncIterable<EvaluationRow> | Iterable<EvaluationRow>;
  readonly metrics: readonly MetricName[];
  /** Sources decoded together. */
  readonly batchSize: number;
  /** How to answer: strategy, longest answer. Default: as the generator does, greedily. */
  readonly options?: Pick<GenerateOptions, "strategy" | "maxTokens" | "random">;
  /** Where to write one JSON line per row; nothing is written when absent. */
  readonly predictionsPath?: string;
  /** Number of rows, when known, for progress only. */
  readonly total?: number;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
}

export interface Evaluation {
  /** Rows answered. */
  readonly n: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** Path of the predictions, if they were written. */
  readonly predictions?: string;
  /** Wall time spent generating, reading and writing excluded. */
  readonly seconds: number;
}

/** One line of the predictions file. */
interface Prediction {
  readonly source: string;
  readonly prediction: string;
  readonly references: readonly string[];
  /** Whether the prediction equals one of the references, as `exactMatch` counts. */
  readonly correct: boolean;
}

/**
 * Answers every row and computes the metrics over all of them.
 *
 * Units: metrics as their rows in `METRICS` say (fractions); seconds.
 * Reads/Writes: predictions as JSONL `{source, prediction, references, correct}`, whole or not at all, rows in order.
 *
 * @throws SlmError USAGE for a batch size that is not a positive integer or no metric; DATA_INVALID for no rows, a row
 * without a reference, or a generator that returns another number of answers; INTERRUPTED; OUTPUT_FAILED.
 */
export async function evaluateModel(input: EvaluationInput): Promise<Evaluation> {
  const { batchSize, metrics, predictionsPath } = input;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new SlmError("USAGE", `evaluate: the batch size must be a positive integer, got ${batchSize}`);
  }
  if (metrics.length === 0) {
    throw new SlmError("USAGE", "evaluate: expected at least one metric, got none", {
      suggestions: [`--metrics ${Object.keys(METRICS).join(",")}`],
    });
  }
  const { answers, seconds } = await answerRows(input);
  if (answers.length === 0)
    throw new SlmError("DATA_INVALID", "evaluate: expected at least one row, got none");
  const predictions = answers.map(({ prediction }) => prediction);
  const references = answers.map((answer) => answer.references);
  const measured = Object.fromEntries(
    metrics.map((name) => [name, METRICS[name].compute(predictions, references)]),
  );
  if (predictionsPath !== undefined) {
    await writeTextAtomic(predictionsPath, answers.map((answer) => `${JSON.stringify(answer)}\n`).join(""));
  }
  return {
    n: answers.length,
    metrics: measured,
    ...(predictionsPath === undefined ? {} : { predictions: predictionsPath }),
    seconds,
  };
}

async function answerRows(input: EvaluationInput): Promise<{ answers: Prediction[]; seconds: number }> {
  const { generator, rows, batchSize, options = {}, total, progress = SILENT, signal } = input;
  const answers: Prediction[] = [];
  let seconds = 0;
  for await (const batch of batchesOf(rows, batchSize * BATCHES_AT_ONCE)) {
    if (signal !== undefined) throwIfInterrupted(signal, "evaluate");
    batch.forEach((row, index) => {
      checkRow(row, answers.length + index + 1);
    });
    const start = performance.now();
    const sources = batch.map(({ source }) => source);
    const generated = await generator
      .generate(sources, { ...options, batchSize, ...(signal === undefined ? {} : { signal }) })
      .catch((error: unknown) => {
        throw withRows(error, answers.length + 1, answers.length + batch.length);
      });
    seconds += (performance.now() - start) / 1000;
    if (generated.length !== batch.length) {
      throw new SlmError(
        "DATA_INVALID",
        `evaluate: expected ${batch.length} answers from the generator, got ${generated.length}`,
      );
    }
    batch.forEach(({ source, references }, index) => {
      const prediction = generated[index]!.text;
      const correct = METRICS.exactMatch.compute([prediction], [references]) === 1;
      answers.push({ source, prediction, references, correct });
    });
    progress({ stage: "evaluate", step: answers.length, ...(total === undefined ? {} : { total }) });
  }
  return { answers, seconds };
}

/** The generator counts sources from the start of its call; the rows of the call say where that is in the data. */
function withRows(error: unknown, first: number, last: number): unknown {
  if (!(error instanceof SlmError) || error.code === "INTERRUPTED") return error;
  const { code, message, context, suggestions } = error;
  return new SlmError(code, `evaluate: among rows ${first} to ${last}: ${message}`, {
    context: { ...context, firstRow: first, lastRow: last },
    suggestions,
    cause: error,
  });
}

/** Found before the row costs a generation, not after the last one. */
function checkRow({ references }: EvaluationRow, row: number): void {
  if (references.length > 0 && references.every((reference) => reference.trim() !== "")) return;
  const got = references.length === 0 ? "none" : "an empty one";
  throw new SlmError("DATA_INVALID", `evaluate: row ${row} needs references to compare with, got ${got}`, {
    context: { row },
    suggestions: ["slm data inspect FILE"],
  });
}
