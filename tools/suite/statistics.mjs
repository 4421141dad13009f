/**
 * Means over seeds with 95 % confidence intervals, and differences between arms, by bootstrap over rows and seeds.
 *
 * Rows are drawn once for all arms, which have the same test rows, so that what makes rows hard for both cancels out of a difference.
 * Seeds are drawn for each arm alone. With one seed the interval is that of the rows.
 *
 * Source: Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3 (percentiles); Koehn 2004 (paired rows).
 */
import { METRICS } from "@slm/metrics";
import { randomNumbers } from "../lib/random-numbers.mjs";

const RESAMPLES = 1000;
const OUTSIDE = 0.025;

/** Everything is shown in points: 100 times a fraction, and metrics on a scale of 100 as they are. */
export const pointsOf = (metric) => (METRICS[metric].unit === "fraction" ? 100 : 1);

/** A value with its interval, out of the value of all rows and those of the samples. */
export function intervalOf(value, samples) {
  const sorted = [...samples].sort((one, other) => one - other);
  const low = Math.floor(OUTSIDE * sorted.length);
  return { value, low: sorted[low], high: sorted[sorted.length - 1 - low] };
}

/**
 * The samples of one task and number of labels: for each arm its mean over seeds in every sample, in points, higher is better.
 *
 * @param predictions by arm a list of seeds, each a list of `{ source, prediction, references }` in the order of the test rows.
 * @throws Error where two cells have other rows, so that they cannot be compared.
 */
export function sampleArms(metric, predictions, seed) {
  const arms = Object.entries(predictions);
  const rows = arms[0][1][0];
  for (const [arm, seeds] of arms)
    for (const cell of seeds)
      if (cell.length !== rows.length || cell.some(({ source }, place) => source !== rows[place].source))
        throw new Error(`${arm}: its test rows are not those of the other arms`);
  const { ofRows, higherIsBetter } = METRICS[metric];
  const scale = pointsOf(metric);
  const references = rows.map((row) => row.references);
  const scorers = arms.map(([, seeds]) =>
    seeds.map((cell) => {
      const score = ofRows(
        cell.map(({ prediction }) => prediction),
        references,
      );
      return (drawn) => scale * score(drawn);
    }),
  );
  const random = randomNumbers(seed);
  const draw = (count) => Array.from({ length: count }, () => Math.floor(random() * count));
  const all = rows.map((_, place) => place);
  const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
  const samples = Array.from({ length: RESAMPLES }, () => {
    const drawn = draw(rows.length);
    return scorers.map((seeds) => {
      const scores = seeds.map((score) => score(drawn));
      return mean(draw(seeds.length).map((place) => scores[place]));
    });
  });
  return {
    higherIsBetter,
    arms: Object.fromEntries(
      arms.map(([arm], place) => [
        arm,
        {
          value: mean(scorers[place].map((score) => score(all))),
          samples: samples.map((sample) => sample[place]),
        },
      ]),
    ),
  };
}

/** By how much an arm is better than another [points]; an interval above 0 is a gain that rows and seeds do not explain. */
export function gainOver({ arms, higherIsBetter }, arm, base) {
  const sign = higherIsBetter ? 1 : -1;
  return {
    value: sign * (arms[arm].value - arms[base].value),
    samples: arms[arm].samples.map((sample, place) => sign * (sample - arms[base].samples[place])),
  };
}

/** The mean of figures of several tasks, sample by sample: their rows are independent. */
export function meanOver(figures) {
  const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
  return {
    value: mean(figures.map(({ value }) => value)),
    samples: figures[0].samples.map((_, place) => mean(figures.map(({ samples }) => samples[place]))),
  };
}
