/** What the references of a row allow: metrics that can use them, and whether an answer is one of them. */
import { METRICS, METRIC_NAMES, type MetricName } from "@slm/metrics";
import { SlmError } from "@slm/core";

/** Anything but whitespace as the metrics take it: Unicode's White_Space and the four information separators. */
const SOMETHING = /[^\p{White_Space}\u001c-\u001f]/u;

/** Whether a text holds nothing but whitespace. */
export function isBlank(text: string): boolean {
  return !SOMETHING.test(text);
}

/**
 * Whether a prediction answers as one of the references does; runs of whitespace do not count, nor does working that a reference
 * shows before its answer. Where no reference has text, the question has no answer, and an empty prediction is right.
 */
export function isCorrect(prediction: string, references: readonly string[]): boolean {
  const answers = references.filter((reference) => !isBlank(reference));
  if (answers.length === 0) return isBlank(prediction);
  return METRICS.answerMatch.rowScore(prediction, answers) === 1;
}

/** The reference whose likelihood counts: the first, or silence where there is none. */
export function firstReference(references: readonly string[]): string {
  return references[0] ?? "";
}

/**
 * Checks that every metric can use the references of a row, before the row costs a generation.
 *
 * @throws SlmError DATA_INVALID naming the row, counted from 1, the first metric that cannot, and metrics that can.
 */
export function checkReferences(
  references: readonly string[],
  metrics: readonly MetricName[],
  row: number,
): void {
  for (const metric of metrics) {
    const problem = problemOf(metric, references);
    if (problem === undefined) continue;
    const able = METRIC_NAMES.filter((name) => problemOf(name, references) === undefined);
    throw new SlmError("DATA_INVALID", `evaluate: row ${row} cannot be measured: ${problem.message}`, {
      context: { ...problem.context, row, metric },
      suggestions: ["slm data inspect FILE", ...(able.length === 0 ? [] : [`--metrics ${able.join(",")}`])],
      cause: problem,
    });
  }
}

/** Why a metric rejects references; undefined if it takes them. */
function problemOf(metric: MetricName, references: readonly string[]): SlmError | undefined {
  try {
    METRICS[metric].rowScore("", references);
    return undefined;
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return error;
    throw error;
  }
}
