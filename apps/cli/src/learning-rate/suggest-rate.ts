/** Chooses a learning rate from the losses of a range test. */
import { SlmError } from "@slm/core/errors";

/** Mean loss while the rate rose to this one. */
export interface RatePoint {
  readonly learningRate: number;
  readonly loss: number;
}

export interface SuggestedRate {
  /** A peak for training: a third of the rate at which the loss was lowest. */
  readonly learningRate: number;
  /** The rate at which the loss was lowest. */
  readonly lowestAt: number;
  /** The lowest rate at which the loss had risen far above its lowest value; null if it never did. */
  readonly divergesAt: number | null;
}

/**
 * At the lowest loss of a range test the rate is already too high to go on with, because the loss of a step shows what the steps before did.
 * One order of magnitude below is the usual choice for a constant rate; a schedule with warm-up and decay bears about a third.
 */
const BELOW_LOWEST = 3;
/** Points of the running mean on each side. */
const NEIGHBOURS = 1;
/** Ratio to the lowest loss that counts as divergence. */
const DIVERGED = 2;

/**
 * The suggestion for points in order of rising rates.
 *
 * @throws SlmError DATA_INVALID if the loss never fell: there is no rate to suggest
 */
export function suggestRate(points: readonly RatePoint[]): SuggestedRate {
  const smooth = points.map((point, index) => {
    const near = points.slice(Math.max(0, index - NEIGHBOURS), index + NEIGHBOURS + 1);
    return { ...point, loss: near.reduce((sum, { loss }) => sum + loss, 0) / near.length };
  });
  const lowest = smooth.reduce<RatePoint | undefined>(
    (best, point) => (best === undefined || point.loss < best.loss ? point : best),
    undefined,
  );
  if (lowest === undefined || lowest === smooth[0]) {
    throw new SlmError(
      "DATA_INVALID",
      `learning-rate: the loss fell at no rate of ${points.length} measured ones, so there is none to suggest`,
      { suggestions: ["--lowest 1e-7", "--steps 800"] },
    );
  }
  const risen = points.find(
    ({ learningRate, loss }) => learningRate > lowest.learningRate && loss > DIVERGED * lowest.loss,
  );
  return {
    learningRate: Number((lowest.learningRate / BELOW_LOWEST).toPrecision(1)),
    lowestAt: lowest.learningRate,
    divergesAt: risen?.learningRate ?? null,
  };
}
