/** Error rates and exact match of token sequences: grapheme-to-phoneme conversion, spelling, OCR and other tasks with one answer. */
import { editDistance } from "@slm/core/edit-distance";
import { bestOf, defineMetric, meanOf, sumOf, type Metric, type References } from "./define-metric.js";
import { charactersOf, strip, wordsOf } from "../text/words.js";

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
 * Fraction of rows whose answer equals that of a reference. The answer of a reference with a rationale is the text after its last
 * {@link ANSWER_MARK}; a prediction without the mark then has no answer. Any other reference is compared as a whole.
 */
export const answerMatch: Metric = defineMetric({
  description: `Share of rows whose answer equals a reference's answer: the text after the last ${ANSWER_MARK} if the reference has one.`,
  unit: "fraction",
  higherIsBetter: true,
  source:
    "Cobbe et al. 2021 (GSM8K, arXiv 2110.14168): only the final answer counts, not the rationale; without rationales, exactMatch",
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

/** The text after the last {@link ANSWER_MARK}; undefined without one. */
export function answerOf(text: string): string | undefined {
  const at = text.lastIndexOf(ANSWER_MARK);
  return at < 0 ? undefined : text.slice(at + ANSWER_MARK.length).trim();
}

/** Edit distance in whitespace-separated tokens. */
export const per: Metric = editRate(
  "Edit distance to the closest reference, summed over all rows, over the summed lengths of those references.",
  "Levenshtein 1966; with one reference per row, the word error rate of jiwer",
  wordsOf,
);

/** `per` under its name in speech recognition. `wer` counts whole rows instead. */
export const transcriptWer: Metric = editRate(
  "Word error rate of speech recognition: edits of words to the closest reference, summed, over the words of those references.",
  "Levenshtein 1966; with one reference per row, the word error rate of jiwer",
  wordsOf,
);

/** Edit distance in Unicode code points. Whitespace counts, but not at the start and the end. */
export const cer: Metric = editRate(
  "Edit distance in characters to the closest reference, summed, over the summed lengths of those references.",
  "Levenshtein 1966; with one reference per row, the character error rate of jiwer",
  (text) => charactersOf(strip(text)),
);

/** 1 if the prediction has the same tokens as a reference, else 0. */
function rightness(prediction: string, references: References): number {
  const normalized = wordsOf(prediction).join(" ");
  return references.some((reference) => wordsOf(reference).join(" ") === normalized) ? 1 : 0;
}

/** Edits to the closest reference over that reference's length, both summed over the rows. The first of equally close references counts. */
function editRate(description: string, source: string, unitsOf: (text: string) => readonly string[]): Metric {
  return defineMetric({
    description,
    unit: "fraction",
    higherIsBetter: false,
    source,
    references: "text",
    countRow: (prediction, references, where) => closest(unitsOf(prediction), references.map(unitsOf), where),
    score: (rows) => sumOf(rows, ({ edits }) => edits) / sumOf(rows, ({ length }) => length),
  });
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
