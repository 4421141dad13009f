/** Checks references: which metrics can use them, and whether an answer equals one of them. */
import { METRICS, METRIC_NAMES, type MetricName } from "@slm/metrics";
import { SlmError } from "@slm/core";

/** A non-whitespace character. Whitespace is Unicode's White_Space and the four information separators, as in the metrics. */
const SOMETHING = /[^\p{White_Space}\u001c-\u001f]/u;

/** Whether a text is empty or only whitespace. */
export function isBlank(text: string): boolean {
  return !SOMETHING.test(text);
}

/**
 * Whether a prediction equals one of the references. Differences in whitespace and the rationale before the answer are ignored. If all references are
 * empty, the question has no answer, and an empty prediction is correct.
 */
export function isCorrect(prediction: string, references: readonly string[]): boolean {
  const answers = references.filter((reference) => !isBlank(reference));
  if (answers.length === 0) return isBlank(prediction);
  return METRICS.answerMatch.rowScore(prediction, answers) === 1;
}

/** The reference that is scored: the first, or the empty text if there is none. */
export function firstReference(references: readonly string[]): string {
  return references[0] ?? "";
}

/**
 * Checks that every metric can use the references of a row, before anything is generated for it.
 *
 * @throws SlmError DATA_INVALID with the row, counted from 1, the first metric that cannot use them, and metrics that can.
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

/** Why a metric rejects references; undefined if it accepts them. */
function problemOf(metric: MetricName, references: readonly string[]): SlmError | undefined {
  try {
    METRICS[metric].rowScore("", references);
    return undefined;
  } catch (error) {
    if (error instanceof SlmError && error.code === "DATA_INVALID") return error;
    throw error;
  }
}
