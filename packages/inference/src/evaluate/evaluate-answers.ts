/** Computes metrics of answers to rows with references, from any answerer, and the perplexity of the references. */
import { SlmError, writeTextAtomic } from "@slm/core";
import {
  abstentionAt,
  calibrationError,
  chooseThreshold,
  confidenceOf,
  type Abstention,
  type JudgedAnswer,
} from "./abstention.js";
import { createRandom } from "@slm/generation";
import {
  CLASS_METRICS,
  METRICS,
  METRIC_ROWS,
  classScores,
  confusionMatrix,
  metricInterval,
  perplexity,
  type ClassScore,
  type ConfusionMatrix,
  type MetricInterval,
} from "@slm/metrics";
import type { EvaluationInput } from "./evaluation-input.js";
import { PERPLEXITY, isAnswerMetric, type EvaluationMetricName } from "./metric-names.js";
import { isCorrect } from "./references.js";
import { runRows, type Outcomes } from "./run-rows.js";
import { slicesOf, type Slice } from "./slices.js";
import type { Likelihood } from "../options/types.js";

/** The mean negative log-likelihood, and the number of tokens. Its exponential is the perplexity. */
export interface MeanLikelihood {
  readonly nllNatsPerToken: number;
  /** Number of tokens of the first references, including EOS. */
  readonly tokens: number;
}

/** Confidence of all answers. */
export interface ConfidenceReport {
  readonly mean: number;
  /** Expected calibration error of `confidence` as the probability of a right answer, 0 to 1. */
  readonly calibrationError: number;
  /** The effect of withholding the least certain answers; only if a threshold is given or requested. */
  readonly abstention?: Abstention | undefined;
}

/** Each class. */
export interface ClassReport {
  readonly scores: readonly ClassScore[];
  readonly confusion: ConfusionMatrix;
}

/** A confidence interval, in the unit of its metric. */
export type Interval = Pick<MetricInterval, "low" | "high">;

export interface Evaluation {
  /** Number of measured rows. */
  readonly n: number;
  /** Each value in the unit of its row in `METRICS`; perplexity has no unit. */
  readonly metrics: Readonly<Record<string, number>>;
  /** 95 % confidence interval of each metric of answers, by bootstrap over rows; present if a seed is given. */
  readonly intervals?: Readonly<Record<string, Interval>> | undefined;
  /** Metrics of the rows with each value of the columns in `slices`; absent if no row has slices. */
  readonly slices?: readonly Slice[] | undefined;
  /** Every class of the answers, and the confusion matrix; present if a classification metric was requested. */
  readonly classes?: ClassReport | undefined;
  /** Present if perplexity was requested. */
  readonly likelihood?: MeanLikelihood | undefined;
  /** Confidence of the model in its answers; only if it generated answers and reports probabilities. */
  readonly confidence?: ConfidenceReport | undefined;
  /** Path of the predictions file, if it was written. */
  readonly predictions?: string | undefined;
  /** Wall time of generating and scoring, excluding reading, metrics and writing. */
  readonly seconds: number;
}

/** One line of the predictions file. */
interface Prediction {
  readonly source: string;
  /** Name of the row's image, if it has one. */
  readonly image?: string | undefined;
  /** Absent if nothing was generated. */
  readonly prediction?: string | undefined;
  readonly references: readonly string[];
  /** Whether the prediction equals a reference, or is empty if there is no answer; absent if nothing was generated. */
  readonly correct?: boolean | undefined;
  /** Of the prediction, if the model reports it [nats]. */
  readonly logProbability?: number | undefined;
  /** The same as a probability, 0 to 1. */
  readonly confidence?: number | undefined;
  /** The first metric for this row alone, in that metric's unit. */
  readonly score: number;
}

/**
 * Answers every row and computes the metrics over all of them.
 *
 * Units: metrics as in their rows in `METRICS` (fractions or points); perplexity has no unit; times in seconds.
 * Reads/Writes: predictions as JSONL `{source, prediction, references, correct, score}`, written atomically, rows in order.
 *
 * @throws SlmError USAGE for a batch size that is not a positive integer, no metric, or perplexity without a scorer;
 * DATA_INVALID for no rows, a row with references that a metric cannot use, or a generator that returns the wrong number of answers; INTERRUPTED;
 * OUTPUT_FAILED.
 */
export async function evaluateAnswers(input: EvaluationInput): Promise<Evaluation> {
  checkRequest(input);
  const { metrics, predictionsPath, abstention } = input;
  const outcomes = await runRows(input);
  if (outcomes.rows.length === 0) {
    throw new SlmError("DATA_INVALID", "evaluate: expected at least one row, got none");
  }
  const measured = Object.fromEntries(metrics.map((name) => [name, measure(name, outcomes)]));
  if (predictionsPath !== undefined) {
    const lines = outcomes.rows.map((_, index) => predictionOf(outcomes, index, metrics[0]!));
    await writeTextAtomic(predictionsPath, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
  return {
    n: outcomes.rows.length,
    metrics: measured,
    intervals: intervalsOf(outcomes, input),
    slices: outcomes.rows.some(({ slices }) => slices !== undefined)
      ? slicesOf(outcomes, metrics.filter(isAnswerMetric))
      : undefined,
    classes: metrics.some((name) => CLASS_METRICS.has(name)) ? classesOf(outcomes) : undefined,
    likelihood: metrics.includes(PERPLEXITY) ? meanLikelihood(outcomes.likelihoods) : undefined,
    confidence: confidenceReport(outcomes, abstention),
    predictions: predictionsPath,
    seconds: outcomes.seconds,
  };
}

/** @throws SlmError DATA_INVALID if a threshold is requested and the answers do not allow one */
function confidenceReport(
  { rows, predictions, logProbabilities }: Outcomes,
  wanted: EvaluationInput["abstention"],
): ConfidenceReport | undefined {
  const answers = predictions.flatMap((prediction, index): JudgedAnswer[] => {
    const logProbability = logProbabilities[index];
    if (logProbability === undefined) return [];
    const correct = isCorrect(prediction, rows[index]!.references);
    return [{ confidence: confidenceOf({ logProbability }), correct }];
  });
  if (answers.length === 0) return undefined;
  return {
    mean: answers.reduce((sum, { confidence }) => sum + confidence, 0) / answers.length,
    calibrationError: calibrationError(answers),
    abstention:
      typeof wanted === "number" ? abstentionAt(answers, wanted) : wanted && chooseThreshold(answers, wanted),
  };
}

function checkRequest({ batchSize, metrics }: EvaluationInput): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new SlmError("USAGE", `evaluate: the batch size must be a positive integer, got ${batchSize}`);
  }
  if (metrics.length > 0) return;
  throw new SlmError("USAGE", "evaluate: expected at least one metric, got none", {
    suggestions: [`--metrics ${[...METRIC_ROWS.names, PERPLEXITY].join(",")}`],
  });
}

function measure(metric: EvaluationMetricName, { rows, predictions, likelihoods }: Outcomes): number {
  if (!isAnswerMetric(metric)) return perplexityOf(likelihoods);
  return METRICS[metric].compute(
    predictions,
    rows.map(({ references }) => references),
  );
}

/** The confidence intervals, if a seed is given. Every metric draws the same rows. */
function intervalsOf(
  { rows, predictions }: Outcomes,
  { metrics, intervalSeed }: EvaluationInput,
): Evaluation["intervals"] {
  if (intervalSeed === undefined) return undefined;
  const references = rows.map((row) => row.references);
  return Object.fromEntries(
    metrics.filter(isAnswerMetric).map((name) => {
      const { next } = createRandom(intervalSeed);
      const { low, high } = metricInterval(METRICS[name], predictions, references, next);
      return [name, { low, high }];
    }),
  );
}

function classesOf({ rows, predictions }: Outcomes): ClassReport {
  const references = rows.map((row) => row.references);
  return {
    scores: classScores(predictions, references),
    confusion: confusionMatrix(predictions, references),
  };
}

/** The line of a row, scored by `metric`. */
function predictionOf(
  { rows, predictions, logProbabilities, likelihoods }: Outcomes,
  index: number,
  metric: EvaluationMetricName,
): Prediction {
  const { source, references, image } = rows[index]!;
  const prediction = predictions[index];
  const logProbability = logProbabilities[index];
  const sure =
    logProbability === undefined ? {} : { logProbability, confidence: confidenceOf({ logProbability }) };
  const question = image === undefined ? { source } : { source, image: image.name };
  const answer =
    prediction === undefined
      ? { ...question, references }
      : { ...question, prediction, references, correct: isCorrect(prediction, references), ...sure };
  const score = isAnswerMetric(metric)
    ? METRICS[metric].rowScore(predictions[index]!, references)
    : perplexityOf([likelihoods[index]!]);
  return { ...answer, score };
}

function perplexityOf(likelihoods: readonly Likelihood[]): number {
  const { nats, tokens } = addUp(likelihoods);
  return perplexity(nats, tokens);
}

function meanLikelihood(likelihoods: readonly Likelihood[]): MeanLikelihood {
  const { nats, tokens } = addUp(likelihoods);
  return { nllNatsPerToken: nats / tokens, tokens };
}

function addUp(likelihoods: readonly Likelihood[]): Likelihood {
  return {
    nats: likelihoods.reduce((sum, { nats }) => sum + nats, 0),
    tokens: likelihoods.reduce((sum, { tokens }) => sum + tokens, 0),
  };
}
