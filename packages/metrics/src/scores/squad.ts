/**
 * SQuAD metrics of question answering: normalized exact match and F1 of common words.
 *
 * Source: Rajpurkar et al. 2016, section 6.1 (arXiv:1606.05250), Rajpurkar, Jia, Liang 2018 (arXiv:1806.03822) and their
 * evaluation script of version 2.0, which equals version 1.1 for answerable questions. The scripts print percent.
 */
import { countItems, countShared, f1Of } from "../text/counts.js";
import { defineMetric, meanOf, type Metric, type References } from "./define-metric.js";
import { wordsOf } from "../text/words.js";

/** Python's `string.punctuation`: the ASCII characters that are neither letters, digits nor blank. */
const PUNCTUATION = /[!-/:-@[-`{-~]/gu;
/** A whole word of letters, digits and `_`, as with Python's `\b`; JavaScript's `\b` supports ASCII only. */
const ARTICLE = /(?<![\p{L}\p{N}_])(?:a|an|the)(?![\p{L}\p{N}_])/gu;

/** Share of rows whose normalized prediction equals a normalized reference. */
export const squadExactMatch: Metric = defineMetric({
  description:
    "Share of rows whose prediction equals a reference without case, punctuation, articles and extra whitespace.",
  unit: "fraction",
  higherIsBetter: true,
  source: "SQuAD evaluation script 2.0, exact",
  references: "any",
  countRow: (prediction, references) => {
    const normalized = normalizeAnswer(prediction);
    return answersOf(references).some((answer) => normalizeAnswer(answer) === normalized) ? 1 : 0;
  },
  score: meanOf,
});

/** Mean over rows of the F1 of normalized words, against the best reference. */
export const squadF1: Metric = defineMetric({
  description:
    "F1 of the words that prediction and closest reference share, normalized as squadExactMatch does, mean over rows.",
  unit: "fraction",
  higherIsBetter: true,
  source: "SQuAD evaluation script 2.0, f1",
  references: "any",
  countRow: (prediction, references) =>
    Math.max(...answersOf(references).map((answer) => answerF1(prediction, answer))),
  score: meanOf,
});

/**
 * An answer in SQuAD's normal form. Removes, in this order: case, ASCII punctuation (deleted, not replaced by a space),
 * English articles, extra whitespace.
 *
 * @example normalizeAnswer("The  U.S. Navy's") // "us navys"
 */
export function normalizeAnswer(text: string): string {
  return wordsOf(text.toLowerCase().replace(PUNCTUATION, "").replace(ARTICLE, " ")).join(" ");
}

/** References that are not empty; if there are none, the correct prediction is empty. */
function answersOf(references: References): References {
  const answers = references.filter((reference) => normalizeAnswer(reference) !== "");
  return answers.length === 0 ? [""] : answers;
}

/** If either side has no words, 1 when both have none, else 0. */
function answerF1(prediction: string, reference: string): number {
  const predicted = wordsOf(normalizeAnswer(prediction));
  const expected = wordsOf(normalizeAnswer(reference));
  if (predicted.length === 0 || expected.length === 0) return predicted.length === expected.length ? 1 : 0;
  const shared = countShared(countItems(predicted), countItems(expected));
  return f1Of(shared / predicted.length, shared / expected.length);
}
