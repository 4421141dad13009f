/** Confidence intervals of medians that assume nothing about the distribution of times. */
import { createRandom } from "@slm/generation";
import { bootstrapInterval } from "@slm/metrics";
import { z } from "zod";
import { quantile } from "./quantile.js";

export const intervalSchema = z.strictObject({
  low: z.number().nonnegative(),
  high: z.number().nonnegative(),
  coverage: z
    .number()
    .min(0)
    .max(1)
    .describe("Confidence level of the interval: 0.95 or more; less for fewer than 6 runs."),
});
export type Interval = z.infer<typeof intervalSchema>;

/** Target of the confidence level. */
export const COVERAGE = 0.95;

/**
 * Confidence interval of the median between two of the values, by the binomial distribution of how many are below the median. With
 * fewer than 6 values the whole range covers less than 95 %, and `coverage` says so. Assumes independent runs.
 *
 * Source: David and Nagaraja 2003, Order Statistics, section 7.1.
 * @throws RangeError for no values.
 */
export function medianInterval(values: readonly number[]): Interval {
  if (values.length === 0) throw new RangeError("an interval needs at least one value");
  const sorted = [...values].sort((a, b) => a - b);
  const { outside, rank } = tailRank(sorted.length);
  return { low: sorted[rank]!, high: sorted[sorted.length - 1 - rank]!, coverage: 1 - 2 * outside };
}

/**
 * The innermost rank from both ends whose interval still has the coverage, and the probability that the median is below it:
 * P(Binomial(count, 1/2) <= rank).
 */
function tailRank(count: number): { readonly rank: number; readonly outside: number } {
  let logTerm = -count * Math.LN2;
  let sum = Math.exp(logTerm);
  let found = { rank: 0, outside: sum };
  for (let rank = 1; rank < count / 2; rank += 1) {
    logTerm += Math.log((count - rank + 1) / rank);
    sum += Math.exp(logTerm);
    if (sum > (1 - COVERAGE) / 2) break;
    found = { rank, outside: sum };
  }
  return found;
}

/**
 * Bootstrap confidence interval of the ratio of two medians. Pairs are runs of one round, so that a slowdown of both is
 * resampled together.
 *
 * @param pairs numerator and denominator of each round, above zero; @throws RangeError for none.
 */
export function ratioInterval(pairs: readonly (readonly [number, number])[], seed: number): Interval {
  if (pairs.length === 0) throw new RangeError("an interval needs at least one pair");
  const random = createRandom(seed >>> 0);
  const ratioOf = (rounds: readonly number[]): number => {
    const median = (side: 0 | 1): number =>
      quantile(
        rounds.map((round) => pairs[round]![side]),
        0.5,
      );
    return median(0) / median(1);
  };
  const { low, high } = bootstrapInterval(ratioOf, pairs.length, () => random.next());
  return { low, high, coverage: COVERAGE };
}

/** Whether two intervals have no value in common. */
export function areApart(one: Interval, other: Interval): boolean {
  return one.high < other.low || other.high < one.low;
}
