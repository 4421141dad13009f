/** Generates answers for rows, scores their references, or both. */
import { SILENT, throwIfInterrupted, SlmError } from "@slm/core";
import type { Source } from "../options/types.js";
import type {
  ChunkAnswers,
  ChunkMaker,
  ChunkRequest,
  EvaluationInput,
  EvaluationRow,
  RowChunk,
  WrittenAnswer,
} from "./evaluation-input.js";
import { PERPLEXITY, isAnswerMetric } from "./metric-names.js";
import { checkReferences, firstReference } from "./references.js";
import type { Likelihood } from "../options/types.js";

/** Groups of `size` items in order; the last group may be smaller. */
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
  /** One per prediction; undefined if the answerer does not report likelihoods [nats]. */
  readonly logProbabilities: readonly (number | undefined)[];
  /** One per row, or none if perplexity was not requested. */
  readonly likelihoods: readonly Likelihood[];
  /** Wall time of generating and scoring. */
  readonly seconds: number;
}

/**
 * Reads the rows in chunks and checks them. Then generates and scores each chunk as the metrics require, in this thread or in several.
 *
 * @throws SlmError DATA_INVALID for references that a metric cannot use, or if the number of results is not the number of rows; INTERRUPTED; the
 * errors of generator and scorer, with the range of rows added.
 */
export async function runRows(input: EvaluationInput): Promise<Outcomes> {
  const { batchSize, maker } = input;
  const answerMetrics = input.metrics.filter(isAnswerMetric);
  const rows: EvaluationRow[] = [];
  async function* chunks(): AsyncGenerator<RowChunk> {
    let number = 0;
    for await (const chunk of batchesOf(input.rows, batchSize * BATCHES_AT_ONCE)) {
      chunk.forEach(({ references }, index) => {
        checkReferences(references, answerMetrics, rows.length + index + 1);
      });
      rows.push(...chunk);
      yield { number: number++, rows: chunk };
    }
  }
  input.progress?.({ stage: "evaluate", step: 0, total: input.total });
  const { done, seconds } = await (maker === undefined
    ? here(input, chunks())
    : elsewhere(input, maker, chunks()));
  const answers = done.flatMap((chunk) => chunk.answers);
  return {
    rows,
    predictions: answers.map(({ text }) => text),
    logProbabilities: answers.map(({ logProbability }) => logProbability),
    likelihoods: done.flatMap(({ likelihoods }) => likelihoods),
    seconds,
  };
}

/** The results of all chunks, in order. */
interface Done {
  readonly done: readonly ChunkAnswers[];
  readonly seconds: number;
}

async function here(input: EvaluationInput, chunks: AsyncIterable<RowChunk>): Promise<Done> {
  const { total, progress = SILENT, signal } = input;
  const done: ChunkAnswers[] = [];
  let rows = 0;
  let seconds = 0;
  for await (const chunk of chunks) {
    if (signal !== undefined) throwIfInterrupted(signal, "evaluate");
    const start = performance.now();
    try {
      done.push(await answerChunk(chunk.rows, input));
    } catch (error) {
      throw withRows(error, rows + 1, rows + chunk.rows.length);
    }
    seconds += (performance.now() - start) / 1000;
    rows += chunk.rows.length;
    progress({ stage: "evaluate", step: rows, total });
  }
  return { done, seconds };
}

async function elsewhere(
  { metrics, batchSize, options, constraint, total, progress = SILENT }: EvaluationInput,
  maker: ChunkMaker,
  given: AsyncIterable<RowChunk>,
): Promise<Done> {
  if (constraint !== undefined)
    throw new SlmError(
      "USAGE",
      "evaluate: answers with a constraint come from one thread; use either a maker or a constraint",
    );
  const chunks: RowChunk[] = [];
  for await (const chunk of given) chunks.push(chunk);
  const byNumber = new Map<number, ChunkAnswers>();
  let rows = 0;
  const start = performance.now();
  await maker.make({
    chunks,
    request: { metrics, batchSize, options },
    accept: (number, answers) => {
      const size = chunks[number]!.rows.length;
      if (metrics.some(isAnswerMetric)) requireCount(answers.answers.length, size, "answers from a thread");
      if (metrics.includes(PERPLEXITY))
        requireCount(answers.likelihoods.length, size, "likelihoods from a thread");
      byNumber.set(number, answers);
      rows += size;
      progress({ stage: "evaluate", step: rows, total });
    },
  });
  return {
    done: chunks.map(({ number }) => byNumber.get(number)!),
    seconds: (performance.now() - start) / 1000,
  };
}

/** Answers and scores a chunk. */
export type ChunkInput = ChunkRequest &
  Pick<EvaluationInput, "generator" | "scorer" | "constraint" | "signal">;

/** Scores and answers rows, as the metrics require. @throws SlmError as {@link runRows} */
export async function answerChunk(rows: readonly EvaluationRow[], input: ChunkInput): Promise<ChunkAnswers> {
  const { metrics } = input;
  const likelihoods = metrics.includes(PERPLEXITY) ? await scoresOf(rows, input) : [];
  const answers = metrics.some(isAnswerMetric) ? await answersOf(rows, input) : [];
  return { answers, likelihoods };
}

async function scoresOf(
  chunk: readonly EvaluationRow[],
  { scorer, batchSize, options = {}, signal }: ChunkInput,
): Promise<readonly Likelihood[]> {
  if (scorer === undefined) {
    throw new SlmError("USAGE", `evaluate: ${PERPLEXITY} needs a model that scores texts, got none`);
  }
  const pairs = chunk.map((row) => ({ source: promptOf(row), answer: firstReference(row.references) }));
  const scored = await scorer.score(pairs, { batchSize, languages: options.languages, signal });
  requireCount(scored.length, chunk.length, "likelihoods from the scorer");
  return scored;
}

async function answersOf(
  chunk: readonly EvaluationRow[],
  { generator, batchSize, options = {}, constraint, signal }: ChunkInput,
): Promise<readonly WrittenAnswer[]> {
  if (generator === undefined)
    throw new SlmError("USAGE", "evaluate: metrics of answers need a generator, got none");
  const generated = await generator.generate(chunk.map(promptOf), {
    ...options,
    // Metrics count every answer.
    abstain: "off",
    constraint,
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

/** Adds the range of rows to an error, because generators and scorers count from the start of their call. */
export function withRows(error: unknown, first: number, last: number): unknown {
  if (!(error instanceof SlmError) || error.code === "INTERRUPTED") return error;
  const { code, message, context, suggestions } = error;
  return new SlmError(code, `evaluate: among rows ${first} to ${last}: ${message}`, {
    context: { ...context, firstRow: first, lastRow: last },
    suggestions,
    cause: error,
  });
}
