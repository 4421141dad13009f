/**
 * What a model's answers are measured by. One row per metric; the name of a row is what `--metrics` and a gate take.
 *
 * A prediction and its references are token sequences written with whitespace between the tokens
 * (for letters to phonemes: `K AE T`), so runs of whitespace do not count.
 */
import { SlmError } from "@slm/error";
import { editDistance } from "./edit-distance.js";

/** Every accepted answer of one row; the first is the preferred one. */
export type References = readonly string[];

export interface Metric {
  readonly description: string;
  /** Unit of the number `compute` returns. */
  readonly unit: "fraction";
  readonly betterIs: "lower" | "higher";
  /**
   * The metric of a whole data set; 0.25 means 25 %. Error rates may exceed 1 where predictions are too long.
   *
   * Shapes: predictions [n], references [n][at least 1].
   *
   * @throws SlmError DATA_INVALID if there are no rows, a row has no reference or a reference has no token;
   * SHAPE_MISMATCH if there are more predictions than rows of references or fewer.
   */
  readonly compute: (predictions: readonly string[], references: readonly References[]) => number;
}

interface Row {
  readonly prediction: readonly string[];
  readonly references: readonly (readonly string[])[];
}

const METRIC_TABLE = {
  wordError: {
    description: "Share of rows whose prediction equals none of the references.",
    unit: "fraction",
    betterIs: "lower",
    compute: (predictions, references) => 1 - shareRight(rowsOf(predictions, references)),
  },
  phonemeError: {
    description:
      "Edit distance to the closest reference, summed over all rows, over the summed lengths of those references.",
    unit: "fraction",
    betterIs: "lower",
    compute: (predictions, references) => tokenErrorRate(rowsOf(predictions, references)),
  },
  exactMatch: {
    description: "Share of rows whose prediction equals one of the references.",
    unit: "fraction",
    betterIs: "higher",
    compute: (predictions, references) => shareRight(rowsOf(predictions, references)),
  },
} as const satisfies Record<string, Metric>;

export type MetricName = keyof typeof METRIC_TABLE;

/** Every metric by its name. */
export const METRICS: Readonly<Record<MetricName, Metric>> = METRIC_TABLE;

/** The names of all metrics, in the order of the table. */
export const METRIC_NAMES: readonly MetricName[] = Object.keys(METRIC_TABLE).filter(isMetricName);

/** Whether a text names a metric. */
export function isMetricName(name: string): name is MetricName {
  return Object.hasOwn(METRIC_TABLE, name);
}

/**
 * Metric names from a comma-separated list, in the order given, each once.
 *
 * @throws SlmError USAGE for a name that is not in the table, or for an empty list.
 * @example parseMetricNames("wordError,phonemeError") // ["wordError", "phonemeError"]
 */
export function parseMetricNames(list: string): readonly MetricName[] {
  const names = list.split(",").map((part) => part.trim());
  const known = names.filter(isMetricName);
  const unknown = names.find((name) => !isMetricName(name));
  if (unknown !== undefined) {
    throw new SlmError(
      "USAGE",
      `metrics: expected ${METRIC_NAMES.join(", ")} between commas, got "${unknown}"`,
      {
        context: { metric: unknown, known: METRIC_NAMES },
        suggestions: [`--metrics ${METRIC_NAMES.join(",")}`],
      },
    );
  }
  return [...new Set(known)];
}

/** Tokens of a text: what stands between whitespace. */
function tokensOf(text: string): readonly string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : trimmed.split(/\s+/u);
}

function rowsOf(predictions: readonly string[], references: readonly References[]): readonly Row[] {
  if (predictions.length !== references.length) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `metrics: expected one prediction per row, got ${predictions.length} predictions for ${references.length} rows`,
      { context: { predictions: predictions.length, rows: references.length } },
    );
  }
  if (predictions.length === 0)
    throw new SlmError("DATA_INVALID", "metrics: expected at least one row, got none");
  return predictions.map((prediction, index) => ({
    prediction: tokensOf(prediction),
    references: referencesOf(references[index]!, index),
  }));
}

function referencesOf(references: References, index: number): readonly (readonly string[])[] {
  const tokens = references.map(tokensOf);
  if (tokens.length === 0 || tokens.some((reference) => reference.length === 0)) {
    const got = tokens.length === 0 ? "no reference" : "an empty reference";
    throw new SlmError(
      "DATA_INVALID",
      `metrics: row ${index + 1} needs references of at least one token, got ${got}`,
      {
        context: { row: index + 1 },
      },
    );
  }
  return tokens;
}

function shareRight(rows: readonly Row[]): number {
  const right = rows.filter(({ prediction, references }) =>
    references.some(
      (reference) =>
        reference.length === prediction.length &&
        reference.every((token, index) => token === prediction[index]),
    ),
  );
  return right.length / rows.length;
}

/** Of references that are equally close, the first listed counts. */
function tokenErrorRate(rows: readonly Row[]): number {
  let edits = 0;
  let length = 0;
  for (const { prediction, references } of rows) {
    let best = Infinity;
    let bestLength = 0;
    for (const reference of references) {
      const distance = editDistance(prediction, reference);
      if (distance < best) {
        best = distance;
        bestLength = reference.length;
      }
    }
    edits += best;
    length += bestLength;
  }
  return edits / length;
}
