/**
 * BLEU: shared word sequences of one to four words, with a penalty for predictions that are too short.
 *
 * Source: Papineni et al. 2002 (aclanthology.org/P02-1040). Equal to sacreBLEU 2.6 (Post 2018, aclanthology.org/W18-6319),
 * signature `case:mixed|eff:no|tok:13a|smooth:exp`.
 */
import { countNgrams, countShared, ngramTotal, type CountsOf } from "../text/counts.js";
import { defineMetric, sumOf, type Metric, type References } from "./define-metric.js";
import { stripEnd, wordsOf } from "../text/words.js";

/** Longest word sequence counted [words], as in the paper. */
const MAX_ORDER = 4;
const ORDERS = Array.from({ length: MAX_ORDER }, (_, index) => index + 1);

/** One row: lengths in tokens, and per order the number of predicted n-grams and of those in a reference. */
interface BleuCounts {
  readonly length: number;
  readonly referenceLength: number;
  readonly matches: readonly number[];
  readonly totals: readonly number[];
}

/**
 * Corpus BLEU: counts are summed over rows before the division. A corpus in which no prediction has four tokens scores
 * 0, even if it is perfect. The score of one row is sacreBLEU's sentence BLEU, which ignores orders longer than the row.
 */
export const bleu: Metric = defineMetric({
  description:
    "Corpus BLEU: geometric mean of the precisions of 1 to 4 words in sequence, times the brevity penalty; 13a tokens.",
  unit: "points",
  higherIsBetter: true,
  source: "Papineni et al. 2002; sacreBLEU 2.6, case:mixed|eff:no|tok:13a|smooth:exp",
  references: "text",
  countRow: countBleu,
  score: (rows) => scoreOf(addUp(rows), { effectiveOrder: false }),
  scoreRow: (row) => scoreOf(row, { effectiveOrder: true }),
});

/**
 * Tokens of `mteval-v13a.pl` as implemented in sacreBLEU: ASCII punctuation and symbols are separate tokens, except
 * for periods and commas between digits and for apostrophes.
 *
 * @example bleuTokens("It's 1,000.5 km.") // ["It's", "1,000.5", "km", "."]
 */
export function bleuTokens(text: string): readonly string[] {
  // Strip trailing whitespace first, so that a hyphen before it is not read as a hyphenated word.
  const line = stripEnd(text)
    .replaceAll("<skipped>", "")
    .replaceAll("-\n", "")
    .replaceAll("\n", " ")
    .replaceAll("&quot;", '"')
    .replaceAll("&amp;", "&")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">");
  return wordsOf(
    SPLITS.reduce((spaced, [pattern, replacement]) => spaced.replace(pattern, replacement), ` ${line} `),
  );
}

const SPLITS: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // ASCII symbols, except apostrophe, comma, hyphen and period.
  [/[{-~[-` -&(-+:-@/]/gu, " $& "],
  // Period and comma unless after a digit, then unless before one.
  [/([^0-9])([.,])/gu, "$1 $2 "],
  [/([.,])([^0-9])/gu, " $1 $2"],
  // A hyphen after a digit.
  [/([0-9])(-)/gu, "$1 $2 "],
];

function countBleu(prediction: string, references: References): BleuCounts {
  const tokens = bleuTokens(prediction);
  const referenceTokens = references.map(bleuTokens);
  return {
    length: tokens.length,
    referenceLength: closestLength(tokens.length, referenceTokens),
    matches: ORDERS.map((order) =>
      countShared(
        countNgrams(tokens, order),
        union(referenceTokens.map((reference) => countNgrams(reference, order))),
      ),
    ),
    totals: ORDERS.map((order) => ngramTotal(tokens, order)),
  };
}

/** Length of the reference closest in length; ties: the shorter. */
function closestLength(length: number, references: readonly (readonly string[])[]): number {
  const lengths = references.map((reference) => reference.length).sort((a, b) => a - b);
  return lengths.reduce((best, next) => (Math.abs(next - length) < Math.abs(best - length) ? next : best));
}

/** Multiset union: the maximum count of each item. */
function union(multisets: readonly CountsOf[]): CountsOf {
  const most = new Map<string, number>();
  for (const multiset of multisets) {
    for (const [item, count] of multiset) most.set(item, Math.max(count, most.get(item) ?? 0));
  }
  return most;
}

function addUp(rows: readonly BleuCounts[]): BleuCounts {
  return {
    length: sumOf(rows, (row) => row.length),
    referenceLength: sumOf(rows, (row) => row.referenceLength),
    matches: ORDERS.map((order) => sumOf(rows, (row) => row.matches[order - 1]!)),
    totals: ORDERS.map((order) => sumOf(rows, (row) => row.totals[order - 1]!)),
  };
}

/**
 * BLEU of counts. With an effective order, only orders that the prediction is long enough for are counted.
 *
 * Smoothing as in `mteval-v13a.pl` (Chen and Cherry 2014, method 3): the k-th order without a match counts as 2^-k
 * matches. Without any match the score is 0.
 */
function scoreOf(counts: BleuCounts, { effectiveOrder }: { readonly effectiveOrder: boolean }): number {
  const { length, referenceLength, matches, totals } = counts;
  const orders = effectiveOrder ? totals.filter((total) => total > 0).length : MAX_ORDER;
  if (matches.every((count) => count === 0) || totals.slice(0, orders).includes(0)) return 0;
  let smoothed = 1;
  let logSum = 0;
  for (let index = 0; index < orders; index++) {
    const found = matches[index]! > 0 ? matches[index]! : (smoothed /= 2);
    logSum += Math.log(found / totals[index]!);
  }
  const brevityPenalty = length < referenceLength ? Math.exp(1 - referenceLength / length) : 1;
  return 100 * brevityPenalty * Math.exp(logSum / orders);
}
