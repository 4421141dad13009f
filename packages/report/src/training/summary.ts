/** Summary of a run: the final and the best value of each quantity. */
import { describeQuantity, type Quantity } from "./quantities.js";
import { curveOf, keysOf, lastStep, type RunLog } from "./run-log.js";

interface BestValue {
  readonly value: number;
  readonly step: number;
}

export interface RunSummary {
  /** The last logged step. */
  readonly steps: number;
  /** The last value of every quantity, by log key. */
  readonly final: Readonly<Record<string, number>>;
  /** The best value and the first step with it, for quantities that have a better direction. */
  readonly best: Readonly<Record<string, BestValue>>;
}

/** The summary of a log, in the units of the log. */
export function summarizeRun(log: RunLog): RunSummary {
  const curves = keysOf(log).map((key) => ({ quantity: describeQuantity(key), points: curveOf(log, key) }));
  const final = curves.map(({ quantity, points }) => [quantity.key, points.at(-1)![1]] as const);
  const best = curves.flatMap(({ quantity, points }) => {
    const found = bestOf(quantity, points);
    return found === undefined ? [] : [[quantity.key, found] as const];
  });
  return { steps: lastStep(log), final: Object.fromEntries(final), best: Object.fromEntries(best) };
}

/** Whether a value is better than another; false for quantities without a better direction. */
export function isBetter({ higherIsBetter }: Quantity, value: number, than: number): boolean {
  if (higherIsBetter === undefined) return false;
  return !higherIsBetter ? value < than : value > than;
}

function bestOf(quantity: Quantity, points: readonly (readonly [number, number])[]): BestValue | undefined {
  if (quantity.higherIsBetter === undefined) return undefined;
  let best: BestValue | undefined;
  for (const [step, value] of points) {
    if (best === undefined || isBetter(quantity, value, best.value)) best = { value, step };
  }
  return best;
}
