/**
 * chrF and chrF++: F-score of character n-grams, for chrF++ also of words and word pairs; recall weighs more than precision.
 *
 * Source: Popović 2015 and 2017 (aclanthology.org/W15-3049, W17-4770). Equal to sacreBLEU 2.6, signatures
 * `case:mixed|eff:yes|nc:6|nw:0|space:no` and `nw:2`.
 */
import { countNgrams, countShared, ngramTotal } from "../text/counts.js";
import { bestOf, defineMetric, sumOf, type Metric } from "./define-metric.js";
import { charactersOf, wordsOf } from "../text/words.js";

/** Longest sequence of characters [code points]. */
const CHARACTER_ORDER = 6;
/** Recall weighs beta times as much as precision. */
const BETA = 2;
/** Python's `string.punctuation`. */
const PUNCTUATION = /^[!-/:-@[-`{-~]$/u;

/** Sequences of one order: in the prediction, in the reference, in both. */
interface OrderCounts {
  readonly predicted: number;
  readonly expected: number;
  readonly shared: number;
}

/** Corpus chrF2: counts against each row's best reference, summed over rows. Whitespace does not count. */
export const chrf: Metric = defineMetric({
  description: "Corpus chrF2: F2 of the precisions and recalls of 1 to 6 characters in sequence.",
  unit: "points",
  higherIsBetter: true,
  source: "Popović 2015; sacreBLEU 2.6, case:mixed|eff:yes|nc:6|nw:0|space:no",
  references: "text",
  countRow: (prediction, references, where) => bestCounts(prediction, references, 0, where),
  score: (rows) => fScore(addUp(rows)),
});

/** Corpus chrF2++: as chrF2, with words and pairs of words as two more orders. */
export const chrfPlusPlus: Metric = defineMetric({
  description: "Corpus chrF2++: as chrF2, with words and word pairs.",
  unit: "points",
  higherIsBetter: true,
  source: "Popović 2017; sacreBLEU 2.6, case:mixed|eff:yes|nc:6|nw:2|space:no",
  references: "text",
  countRow: (prediction, references, where) => bestCounts(prediction, references, 2, where),
  score: (rows) => fScore(addUp(rows)),
});

function bestCounts(
  prediction: string,
  references: readonly string[],
  wordOrder: number,
  where: string,
): readonly OrderCounts[] {
  const candidates = references.map((reference) => countOrders(prediction, reference, wordOrder));
  return bestOf(candidates, fScore, where);
}

function countOrders(prediction: string, reference: string, wordOrder: number): readonly OrderCounts[] {
  const [characters, referenceCharacters] = [solidCharactersOf(prediction), solidCharactersOf(reference)];
  const [words, referenceWords] = [chrfWords(prediction), chrfWords(reference)];
  return [
    ...ordersTo(CHARACTER_ORDER).map((order) => countOrder(characters, referenceCharacters, order)),
    ...ordersTo(wordOrder).map((order) => countOrder(words, referenceWords, order)),
  ];
}

function countOrder(prediction: readonly string[], reference: readonly string[], order: number): OrderCounts {
  const expected = ngramTotal(reference, order);
  return {
    // A reference that is too short for this order is not counted in it.
    predicted: expected === 0 ? 0 : ngramTotal(prediction, order),
    expected,
    shared: countShared(countNgrams(prediction, order), countNgrams(reference, order)),
  };
}

function ordersTo(longest: number): readonly number[] {
  return Array.from({ length: longest }, (_, index) => index + 1);
}

/** Characters that are not whitespace. */
function solidCharactersOf(text: string): readonly string[] {
  return wordsOf(text).flatMap(charactersOf);
}

/**
 * Words, with one ASCII punctuation character split off: the last, or if the last is none, the first.
 *
 * @example chrfWords("(so) it's.") // ["(so", ")", "it's", "."]
 */
function chrfWords(text: string): readonly string[] {
  return wordsOf(text).flatMap((word) => {
    const characters = charactersOf(word);
    if (characters.length === 1) return [word];
    if (PUNCTUATION.test(characters.at(-1)!)) return [word.slice(0, -1), word.slice(-1)];
    return PUNCTUATION.test(characters[0]!) ? [word.slice(0, 1), word.slice(1)] : [word];
  });
}

function addUp(rows: readonly (readonly OrderCounts[])[]): readonly OrderCounts[] {
  return rows[0]!.map((_, order) => ({
    predicted: sumOf(rows, (row) => row[order]!.predicted),
    expected: sumOf(rows, (row) => row[order]!.expected),
    shared: sumOf(rows, (row) => row[order]!.shared),
  }));
}

/** F of the mean precision and the mean recall, over the orders for which both sides are long enough [points]. */
function fScore(counts: readonly OrderCounts[]): number {
  const effective = counts.filter(({ predicted, expected }) => predicted > 0 && expected > 0);
  if (effective.length === 0) return 0;
  const precision = sumOf(effective, ({ shared, predicted }) => shared / predicted) / effective.length;
  const recall = sumOf(effective, ({ shared, expected }) => shared / expected) / effective.length;
  if (precision + recall === 0) return 0;
  return (100 * (1 + BETA ** 2) * precision * recall) / (BETA ** 2 * precision + recall);
}
