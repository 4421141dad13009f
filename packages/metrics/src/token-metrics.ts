/** Error rates and exact match of token sequences: letters to phonemes, spellings, anything with one right answer. */
import { bestOf, defineMetric, meanOf, sumOf, type Metric, type References } from "./define-metric.js";
import { editDistance } from "./edit-distance.js";
import { charactersOf, strip, wordsOf } from "./words.js";

/** Edits to the closest reference, and that reference's length [tokens]. */
interface Edits {
  readonly edits: number;
  readonly length: number;
}

/** Share of rows whose prediction equals none of the references; runs of whitespace do not count. */
export const wer: Metric = defineMetric({
  description: "Share of rows whose prediction equals none of the references.",
  unit: "fraction",
  higherIsBetter: false,
  source: "Word error rate of grapheme-to-phoneme conversion: a word is wrong if any of its phonemes is",
  references: "text",
  countRow: rightness,
  score: (rows) => 1 - meanOf(rows),
});

/** Share of rows whose prediction equals one of the references; runs of whitespace do not count. */
export const exactMatch: Metric = defineMetric({
  description: "Share of rows whose prediction equals one of the references.",
  unit: "fraction",
  higherIsBetter: true,
  source: "1 - wer",
  references: "text",
  countRow: rightness,
  score: meanOf,
});

/** Separates the rationale from the answer. */
export const ANSWER_MARK = "####";

/**
 * Share of rows whose answer is that of one of the references. Of a reference with a rationale the answer is what follows
 * its last {@link ANSWER_MARK}, and a prediction without one has no answer; any other reference is compared whole.
 */
export const answerMatch: Metric = defineMetric({
  description: `Share of rows whose answer, which follows the last ${ANSWER_MARK} where the reference has one, is that of a reference.`,
  unit: "fraction",
  higherIsBetter: true,
  source:
    "Cobbe et al. 2021 (GSM8K, arXiv 2110.14168): the final answer decides, not the working; without working, exactMatch",
  references: "text",
  countRow: (prediction, references) =>
    references.some((reference) => {
      const answer = answerOf(reference);
      return answer === undefined
        ? rightness(prediction, [reference]) === 1
        : rightness(answerOf(prediction) ?? "", [answer]) === 1;
    })
      ? 1
      : 0,
  score: meanOf,
});

/** What follows the last {@link ANSWER_MARK} of a text; undefined without one. */
export function answerOf(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARK);
  return at < 0 ? undefined : text.slice(at + ANSWER_MARK.length).trim();
}

/** Edit distance in whitespace-separated tokens. Of references equally close, the first listed gives the length. */
export const per: Metric = defineMetric({
  description:
    "Edit distance to the closest reference, summed over all rows, over the summed lengths of those references.",
  unit: "fraction",
  higherIsBetter: false,
  source: "Levenshtein 1966; with one reference a row, the word error rate of jiwer",
  references: "text",
  countRow: (prediction, references, where) => closest(wordsOf(prediction), references.map(wordsOf), where),
  score: errorRate,
});

/** Edit distance in Unicode code points. Whitespace counts, but not at the start and the end. */
export const cer: Metric = defineMetric({
  description:
    "Edit distance in characters to the closest reference, summed, over the summed lengths of those references.",
  unit: "fraction",
  higherIsBetter: false,
  source: "Levenshtein 1966; with one reference a row, the character error rate of jiwer",
  references: "text",
  countRow: (prediction, references, where) =>
    closest(trimmedCharactersOf(prediction), references.map(trimmedCharactersOf), where),
  score: errorRate,
});

/** 1 if the tokens of the prediction are those of a reference, else 0. */
function rightness(prediction: string, references: References): number {
  const normalized = wordsOf(prediction).join(" ");
  return references.some((reference) => wordsOf(reference).join(" ") === normalized) ? 1 : 0;
}

function trimmedCharactersOf(text: string): readonly string[] {
  return charactersOf(strip(text));
}

function closest(
  prediction: readonly string[],
  references: readonly (readonly string[])[],
  where: string,
): Edits {
  const candidates = references.map((reference) => ({
    edits: editDistance(prediction, reference),
    length: reference.length,
  }));
  return bestOf(candidates, ({ edits }) => -edits, where);
}

function errorRate(rows: readonly Edits[]): number {
  return sumOf(rows, ({ edits }) => edits) / sumOf(rows, ({ length }) => length);
}
