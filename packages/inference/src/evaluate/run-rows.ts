/** Generates answers for rows, scores their references, or both. */
import { SILENT, throwIfInterrupted, SlmError } from "@slm/core";
import type { Source } from "../types.js";
import type { EvaluationInput, EvaluationRow, WrittenAnswer } from "./evaluation-input.js";
import { PERPLEXITY, isAnswerMetric } from "./metric-names.js";
import { checkReferences, firstReference } from "./references.js";
import type { Likelihood } from "./score-texts.js";

/** Groups of `size` items in order; the last may be smaller. */
async function* batchesOf<Item>(
  items: AsyncIterable<Item> | Iterable<Item>,
  size: number,
): AsyncGenerator<readonly Item[]> {
  let batch: Item[] = [];
  for await (const item of items) {
    batch.push(item);
    if (batch.length < size) continue;
    yield batch;
    batch = [];
  }
  if (batch.length > 0) yield batch;
}

/** Batches per call. Many, because the generator groups sources of similar length. */
const BATCHES_AT_ONCE = 8;

/** Results of the rows, in order. */
export interface Outcomes {
  readonly rows: readonly EvaluationRow[];
  /** One per row, or none if no metric needs answers. */
  readonly predictions: readonly string[];
  /** One per prediction; undefined where the answerer does not tell [nats]. */
  readonly logProbabilities: readonly (number | undefined)[];
  /** One per row, or none if perplexity was not requested. */
  readonly likelihoods: readonly Likelihood[];
  /** Wall time of generating and scoring. */
  readonly seconds: number;
}

/**
 * Reads the rows in chunks and checks them, then generates and scores each chunk as the metrics need.
 *
 * @throws SlmError DATA_INVALID for references that a metric cannot use, or another number of results than rows;
 * INTERRUPTED; what generator and scorer throw, with the range of rows added.
 */
export async function runRows(input: EvaluationInput): Promise<Outcomes> {
  const { batchSize, total, progress = SILENT, signal } = input;
  const answerMetrics = input.metrics.filter(isAnswerMetric);
  const rows: EvaluationRow[] = [];
  const answers: WrittenAnswer[] = [];
  const likelihoods: Likelihood[] = [];
  let seconds = 0;
  for await (const chunk of batchesOf(input.rows, batchSize * BATCHES_AT_ONCE)) {
    if (signal !== undefined) throwIfInterrupted(signal, "evaluate");
    chunk.forEach(({ references }, index) => {
      checkReferences(references, answerMetrics, rows.length + index + 1);
    });
    const start = performance.now();
    try {
      if (input.metrics.includes(PERPLEXITY)) likelihoods.push(...(await scoreChunk(chunk, input)));
      if (answerMetrics.length > 0) answers.push(...(await answerChunk(chunk, input)));
    } catch (error) {
      throw withRows(error, rows.length + 1, rows.length + chunk.length);
    }
    seconds += (performance.now() - start) / 1000;
    rows.push(...chunk);
    progress({ stage: "evaluate", step: rows.length, total });
  }
  const predictions = answers.map(({ text }) => text);
  const logProbabilities = answers.map(({ logProbability }) => logProbability);
  return { rows, predictions, logProbabilities, likelihoods, seconds };
}

async function scoreChunk(
  chunk: readonly EvaluationRow[],
  { scorer, batchSize, signal }: EvaluationInput,
): Promise<readonly Likelihood[]> {
  if (scorer === undefined) {
    throw new SlmError("USAGE", `evaluate: ${PERPLEXITY} needs a model that scores texts, got none`);
  }
  const pairs = chunk.map((row) => ({ source: promptOf(row), answer: firstReference(row.references) }));
  const scored = await scorer.score(pairs, { batchSize, signal });
  requireCount(scored.length, chunk.length, "likelihoods from the scorer");
  return scored;
}

async function answerChunk(
  chunk: readonly EvaluationRow[],
  { generator, batchSize, options = {}, signal }: EvaluationInput,
): Promise<readonly WrittenAnswer[]> {
  const generated = await generator.generate(chunk.map(promptOf), {
    ...options,
    batchSize,
    signal,
  });
  requireCount(generated.length, chunk.length, "answers from the generator");
  return generated;
}

/** The prompt of a row. */
const promptOf = ({ source, image }: EvaluationRow): Source =>
  image === undefined ? source : { text: source, image: image.source };

function requireCount(got: number, expected: number, what: string): void {
  if (got === expected) return;
  throw new SlmError("DATA_INVALID", `expected ${expected} ${what}, got ${got}`);
}

/** Adds the range of rows to an error, because generator and scorer count from the start of their call. */
function withRows(error: unknown, first: number, last: number): unknown {
  if (!(error instanceof SlmError) || error.code === "INTERRUPTED") return error;
  const { code, message, context, suggestions } = error;
  return new SlmError(code, `evaluate: among rows ${first} to ${last}: ${message}`, {
    context: { ...context, firstRow: first, lastRow: last },
    suggestions,
    cause: error,
  });
}
