/**
 * ROUGE: overlap of a prediction with a reference summary, as F1.
 *
 * Source: Lin 2004, "ROUGE: A Package for Automatic Evaluation of Summaries" (aclanthology.org/W04-1013), and the package
 * `rouge-score` 0.1.2, which gives equal numbers. Its default is used, which does not stem; published numbers of English summaries are
 * often stemmed.
 */
import { countItems, countNgrams, countShared, f1Of, ngramTotal } from "../text/counts.js";
import { bestOf, defineMetric, meanOf, type Metric, type MetricDefinition } from "./define-metric.js";
import { commonIndices, commonLength } from "../text/longest-common-subsequence.js";

type RougeName = "rouge1" | "rouge2" | "rougeL" | "rougeLsum";

/** F1 of a prediction against one reference. */
type Rouge = (prediction: string, reference: string) => number;

const ROUGES: { readonly [N in RougeName]: Rouge } = {
  rouge1: (prediction, reference) => ngramF1(rougeTokens(prediction), rougeTokens(reference), 1),
  rouge2: (prediction, reference) => ngramF1(rougeTokens(prediction), rougeTokens(reference), 2),
  rougeL: (prediction, reference) => subsequenceF1(rougeTokens(prediction), rougeTokens(reference)),
  rougeLsum: (prediction, reference) => summaryF1(sentencesOf(prediction), sentencesOf(reference)),
};

/** F1 of shared words, mean over rows. */
export const rouge1: Metric = rougeMetric("rouge1", "F1 of the words that prediction and reference share");

/** F1 of shared pairs of neighbouring words, mean over rows. */
export const rouge2: Metric = rougeMetric(
  "rouge2",
  "F1 of the word pairs that prediction and reference share",
);

/** F1 of the longest common subsequence of words, mean over rows. */
export const rougeL: Metric = rougeMetric("rougeL", "F1 of the longest common subsequence of words");

/** F1 of the union of the longest common subsequences of sentences, separated by newlines; mean over rows. */
export const rougeLsum: Metric = rougeMetric(
  "rougeLsum",
  "F1 of the union of longest common subsequences per reference sentence (line)",
);

/**
 * Lower-case runs of the letters a to z and digits; every other character separates words. Texts in other scripts have no
 * tokens and score 0.
 *
 * @example rougeTokens("Émile's 2 cats") // ["mile", "s", "2", "cats"]
 */
export function rougeTokens(text: string): readonly string[] {
  return text.toLowerCase().match(/[a-z0-9]+/gu) ?? [];
}

function rougeMetric(name: RougeName, description: string): Metric {
  return defineMetric({
    description: `${description}; best reference of each row; mean over rows; without stemming.`,
    unit: "fraction",
    higherIsBetter: true,
    source: "Lin 2004; rouge-score 0.1.2, F1, use_stemmer=False",
    references: "text",
    countRow: rougeRow(name),
    score: meanOf,
  });
}

function rougeRow(name: RougeName): MetricDefinition<number>["countRow"] {
  return (prediction, references, where) =>
    bestOf(
      references.map((reference) => ROUGES[name](prediction, reference)),
      (score) => score,
      where,
    );
}

/** F1 from the numbers of hits, predicted and expected tokens; 0 if one side has none. */
function f1OfHits(hits: number, predicted: number, expected: number): number {
  return f1Of(hits / Math.max(predicted, 1), hits / Math.max(expected, 1));
}

function ngramF1(prediction: readonly string[], reference: readonly string[], order: number): number {
  const hits = countShared(countNgrams(prediction, order), countNgrams(reference, order));
  return f1OfHits(hits, ngramTotal(prediction, order), ngramTotal(reference, order));
}

function subsequenceF1(prediction: readonly string[], reference: readonly string[]): number {
  return f1OfHits(commonLength(prediction, reference), prediction.length, reference.length);
}

function sentencesOf(text: string): readonly (readonly string[])[] {
  return text.split("\n").map((line) => rougeTokens(line));
}

/**
 * Summary-level ROUGE-L (Lin 2004, section 3.2). A token of a reference sentence is a hit if a longest common subsequence with
 * any predicted sentence contains it; as in ROUGE 1.5.5, no word is hit more often than the prediction has it.
 */
function summaryF1(
  predicted: readonly (readonly string[])[],
  expected: readonly (readonly string[])[],
): number {
  const union = expected.flatMap((reference) => {
    const indices = new Set(predicted.flatMap((prediction) => commonIndices(reference, prediction)));
    return Array.from(indices, (index) => reference[index]!);
  });
  const predictedTokens = predicted.flat();
  const hits = countShared(countItems(union), countItems(predictedTokens));
  return f1OfHits(hits, predictedTokens.length, expected.flat().length);
}
