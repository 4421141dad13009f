/** Defines a metric by two functions: one counts in a row, the other computes the score from all counts. */
import { SlmError } from "@slm/core/errors";
import { strip } from "../text/words.js";

/** Every accepted answer of one row; the first is the preferred one. */
export type References = readonly string[];

/**
 * Unit of a metric. `fraction`: 0.25 means 25 %. `points`: 0 to 100, the published scale of BLEU and chrF.
 * A perfect score is 0 if lower is better, else 1 or 100.
 */
export type MetricUnit = "fraction" | "points";

export interface Metric {
  readonly description: string;
  /** Unit of the numbers `compute` and `rowScore` return. */
  readonly unit: MetricUnit;
  readonly higherIsBetter: boolean;
  /** The public definition that the metric implements. */
  readonly source: string;
  /**
   * The metric of a whole data set. Error rates may exceed 1 if predictions are too long; all others stay in range.
   *
   * Shapes: predictions [n], references [n][at least 1].
   *
   * @throws SlmError DATA_INVALID if there are no rows, or a row lacks references that the metric can use;
   * SHAPE_MISMATCH if the numbers of predictions and rows of references differ.
   */
  readonly compute: (predictions: readonly string[], references: readonly References[]) => number;
  /**
   * The metric of one row, for ranking rows. For metrics that are not means over rows (error rates, BLEU, chrF,
   * slot F1), the mean of the row scores is not the metric.
   *
   * @throws SlmError DATA_INVALID if the row lacks references that the metric can use.
   */
  readonly rowScore: (prediction: string, references: References) => number;
  /**
   * The metric as a function of row indices, for resampling. Each row is counted once in advance. Indices may repeat; all rows in
   * order give `compute`.
   *
   * @throws SlmError as `compute`.
   */
  readonly ofRows: (
    predictions: readonly string[],
    references: readonly References[],
  ) => (rows: readonly number[]) => number;
}

export interface MetricDefinition<Counts> extends Omit<Metric, "compute" | "rowScore" | "ofRows"> {
  /**
   * Required references of a row. `text`: at least one, each not empty. `some`: at least one. `any`: may have none,
   * for metrics with unanswerable questions.
   */
  readonly references: "text" | "some" | "any";
  /** Counts of a row; `where` names the row in errors. */
  readonly countRow: (prediction: string, references: References, where: string) => Counts;
  /** The metric of at least one row. */
  readonly score: (rows: readonly Counts[]) => number;
  /** Score of a row alone. Default: `score` of that row. */
  readonly scoreRow?: (row: Counts) => number;
}

/** A metric from its definition: checks the inputs, counts row by row, scores the counts. */
export function defineMetric<Counts>(definition: MetricDefinition<Counts>): Metric {
  const { references: accepted, countRow, score, scoreRow, ...properties } = definition;
  const count = (prediction: string, references: References, where: string): Counts => {
    if (accepted !== "any" && references.length === 0) throw lacksReference(where, "no reference");
    if (accepted === "text" && references.some(isBlank)) throw lacksReference(where, "an empty reference");
    return countRow(prediction, references, where);
  };
  return {
    ...properties,
    compute: (predictions, references) => score(countRows(predictions, references, count)),
    ofRows: (predictions, references) => {
      const counts = countRows(predictions, references, count);
      return (rows) => score(rows.map((row) => counts[row]!));
    },
    rowScore: (prediction, references) => {
      const row = count(prediction, references, "the row");
      return scoreRow === undefined ? score([row]) : scoreRow(row);
    },
  };
}

/**
 * The counts of every row, in order.
 *
 * @throws SlmError SHAPE_MISMATCH if predictions and references differ in number; DATA_INVALID if there are none.
 */
function countRows<Counts>(
  predictions: readonly string[],
  references: readonly References[],
  countRow: MetricDefinition<Counts>["countRow"],
): readonly Counts[] {
  if (predictions.length !== references.length) {
    throw new SlmError(
      "SHAPE_MISMATCH",
      `metrics: expected one prediction per row, got ${predictions.length} predictions for ${references.length} rows`,
      { context: { predictions: predictions.length, rows: references.length } },
    );
  }
  if (predictions.length === 0) {
    throw new SlmError("DATA_INVALID", "metrics: expected at least one row, got none");
  }
  return predictions.map((prediction, index) => countRow(prediction, references[index]!, `row ${index + 1}`));
}

/** Mean of one number per row. */
export function meanOf(rows: readonly number[]): number {
  return sumOf(rows, (row) => row) / rows.length;
}

/** Sum of one number per row. */
export function sumOf<Counts>(rows: readonly Counts[], pick: (row: Counts) => number): number {
  return rows.reduce((sum, row) => sum + pick(row), 0);
}

/**
 * The candidate with the highest value; ties: the first.
 *
 * @throws SlmError DATA_INVALID if there are none.
 */
export function bestOf<T>(candidates: readonly T[], valueOf: (candidate: T) => number, where: string): T {
  let best: { readonly candidate: T; readonly value: number } | undefined;
  for (const candidate of candidates) {
    const value = valueOf(candidate);
    if (best === undefined || value > best.value) best = { candidate, value };
  }
  if (best === undefined) throw lacksReference(where, "no reference");
  return best.candidate;
}

function isBlank(text: string): boolean {
  return strip(text) === "";
}

function lacksReference(where: string, got: string): SlmError {
  return new SlmError(
    "DATA_INVALID",
    `metrics: ${where} needs references of at least one token, got ${got}`,
    {
      context: { where, got },
    },
  );
}
