/** Classification metrics. Each answer is the name of a class. */
import { defineMetric, type Metric, type References } from "./define-metric.js";
import { wordsOf } from "../text/words.js";

/** The expected and the predicted class of a row. */
interface Labels {
  readonly expected: string;
  readonly predicted: string;
}

/** Figures of one class. */
export interface ClassScore {
  readonly label: string;
  /** Rows of the class. */
  readonly support: number;
  /** Rows with this predicted class. */
  readonly predicted: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

/** Confusion matrix. */
export interface ConfusionMatrix {
  /** Classes, the one with the most rows first; predictions that are not a class of the data last. */
  readonly labels: readonly string[];
  /** `counts[expected][predicted]` [rows]. */
  readonly counts: readonly (readonly number[])[];
}

/** Text of a label, whitespace normalized. */
const labelOf = (text: string): string => wordsOf(text).join(" ");

/** The expected class: the reference that the prediction equals, else the first. */
function labelsOf(prediction: string, references: References): Labels {
  const predicted = labelOf(prediction);
  const accepted = references.map(labelOf);
  return { expected: accepted.includes(predicted) ? predicted : accepted[0]!, predicted };
}

/** Precision, recall and F1 of every class that was expected or predicted, by name. */
function scoresOf(rows: readonly Labels[]): ReadonlyMap<string, ClassScore> {
  const counts = new Map<string, { support: number; predicted: number; right: number }>();
  const of = (label: string): { support: number; predicted: number; right: number } => {
    const known = counts.get(label) ?? { support: 0, predicted: 0, right: 0 };
    counts.set(label, known);
    return known;
  };
  for (const { expected, predicted } of rows) {
    of(expected).support++;
    of(predicted).predicted++;
    if (expected === predicted) of(expected).right++;
  }
  return new Map(
    [...counts].map(([label, { support, predicted, right }]): [string, ClassScore] => {
      const score = { label, support, predicted, precision: ratio(right, predicted) };
      return [label, { ...score, recall: ratio(right, support), f1: ratio(2 * right, support + predicted) }];
    }),
  );
}

/** A ratio; 0 if the denominator is 0, as scikit-learn's `zero_division=0`. */
const ratio = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole);

const common = {
  unit: "fraction",
  higherIsBetter: true,
  references: "text",
  countRow: labelsOf,
} as const;

/** Fraction of rows whose predicted class is the expected one. */
export const accuracy: Metric = defineMetric({
  ...common,
  description: "Classification: share of rows whose predicted class is the expected one.",
  source: "scikit-learn's accuracy_score; the same as exactMatch",
  score: (rows) => rows.filter(({ expected, predicted }) => expected === predicted).length / rows.length,
});

/** Mean F1 of all classes, which all have the same weight. */
export const macroF1: Metric = defineMetric({
  ...common,
  description: "Classification: F1 of each class, averaged over classes.",
  source: "scikit-learn's f1_score with average='macro', zero_division=0",
  score: (rows) => {
    const scores = [...scoresOf(rows).values()];
    return scores.reduce((sum, { f1 }) => sum + f1, 0) / scores.length;
  },
});

/** Mean F1 of all classes, weighted by their rows. */
export const weightedF1: Metric = defineMetric({
  ...common,
  description: "Classification: F1 of each class, averaged with its number of rows as the weight.",
  source: "scikit-learn's f1_score with average='weighted', zero_division=0",
  score: (rows) =>
    [...scoresOf(rows).values()].reduce((sum, { f1, support }) => sum + f1 * support, 0) / rows.length,
});

/** Classification metrics. A report with one of them lists the figures of every class. */
export const CLASS_METRICS: ReadonlySet<string> = new Set(["accuracy", "macroF1", "weightedF1"]);

/** The figures of every class, the class with the most rows first. */
export function classScores(
  predictions: readonly string[],
  references: readonly References[],
): readonly ClassScore[] {
  const rows = predictions.map((prediction, row) => labelsOf(prediction, references[row]!));
  return [...scoresOf(rows).values()].sort(
    (a, b) => b.support - a.support || b.predicted - a.predicted || (a.label < b.label ? -1 : 1),
  );
}

/** The confusion matrix, in the order of {@link classScores}. */
export function confusionMatrix(
  predictions: readonly string[],
  references: readonly References[],
): ConfusionMatrix {
  const labels = classScores(predictions, references).map(({ label }) => label);
  const places = new Map(labels.map((label, place) => [label, place]));
  const counts = labels.map(() => new Array<number>(labels.length).fill(0));
  predictions.forEach((prediction, row) => {
    const { expected, predicted } = labelsOf(prediction, references[row]!);
    counts[places.get(expected)!]![places.get(predicted)!]!++;
  });
  return { labels, counts };
}
