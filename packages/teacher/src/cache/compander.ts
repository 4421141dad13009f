/**
 * Quantizes probabilities with uniform steps of the square root, and below the first step with uniform steps of the logarithm.
 *
 * A probability p that is decoded with the relative error e adds about p · e² / 2 to the KL divergence. For a given number of bits,
 * the sum of log(1 / step of log p), the divergence is smallest if p · (step of log p)² is constant. This is true for uniform steps of
 * sqrt(p): large probabilities have fine steps, small ones coarse steps, and each adds (step of the root)² / 6. Below the first
 * step, logarithmic codes bound the relative error of small probabilities by a factor.
 *
 *   code     0        1    ...  LOG_CODES - 1     LOG_CODES    LOG_CODES + 1   ...
 *   root   < a      [a, 2a)       [1/2, 1)         [1, 2)         [2, 3)            in steps, a = 2^-(LOG_CODES - 1)
 *
 * Source: for a given entropy, uniform steps are optimal at high rate (Gish and Pierce 1968). On the square-root scale the weight of
 * squared errors in KL, 1 / p, is uniform.
 */

/** Codes for roots below one step; each but the first spans a factor of four in probability. */
const LOG_CODES = 24;

/** Number of step sizes: 2^-(1 + index / 2) of the square root. */
export const STEP_COUNT = 32;
/** Bits of a step's index. */
export const STEP_BITS = 5;

const STEPS = Float64Array.from({ length: STEP_COUNT }, (_, index) => 2 ** -(1 + index / 2));

/** Largest code of a step: the code of probability 1. */
export function largestCode(step: number): number {
  return codeOf(1, step);
}

/** Code of a probability, given as its square root; `step` is an index below {@link STEP_COUNT}. */
export function codeOf(root: number, step: number): number {
  const steps = root / STEPS[step]!;
  if (steps >= 1) return LOG_CODES - 1 + Math.floor(steps);
  return Math.max(0, LOG_CODES - 1 - Math.floor(-Math.log2(steps)));
}

/** Probabilities by code, and their logarithms [nats]. */
export interface Masses {
  readonly mass: Float64Array;
  readonly log: Float64Array;
}

const TABLES = new Map<number, Masses>();

/**
 * Decoded probability of each code of a step, before normalization: the mean over the code's range, which minimizes the KL
 * divergence.
 */
export function massesOf(step: number): Masses {
  const known = TABLES.get(step);
  if (known !== undefined) return known;
  const mass = Float64Array.from({ length: largestCode(step) + 1 }, (_, code) =>
    massOf(code, STEPS[step]! ** 2),
  );
  const table = { mass, log: mass.map(Math.log) };
  TABLES.set(step, table);
  return table;
}

function massOf(code: number, square: number): number {
  if (code < LOG_CODES) return square * LOG_MEAN * 4 ** (code - LOG_CODES);
  const root = code - LOG_CODES + 1;
  return Math.min(1, square * (root * root + root + 1 / 3));
}

/** Mean of x² for log x uniform over [1, 2): (4 - 1) / (2 ln 2). */
const LOG_MEAN = 3 / (2 * Math.LN2);

/** Step at which `count` probabilities add about `kl` to the divergence. The actual divergence may require a finer step. */
export function stepFor(kl: number, count: number): number {
  const step = Math.sqrt((6 * kl) / count);
  return Math.min(STEP_COUNT - 1, Math.max(0, Math.round(2 * (-Math.log2(step) - 1))));
}
