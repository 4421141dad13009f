/** Early stopping: ends a training with nothing left to learn, after the learning rate has decayed. */
import { isMetricName, isPerfectValue, isWorstValue } from "@slm/metrics";
import { z } from "zod";
import type { TrainingSettings } from "../training-config.js";

/** Evaluations without a better dev metric after which a training ends. */
const PATIENCE = 10;

/** Why a training ends early: no dev metric can get better, or none has for a while. */
const REASONS = ["perfect", "plateau"] as const;

/** A decision to end early, which is part of the run's state. */
export const earlyStop = z.strictObject({
  reason: z.enum(REASONS),
  /** Step of the measurement that decided; the learning rate decays from here. */
  decidedAt: z.int().positive(),
  /** The new last step. */
  endsAt: z.int().positive(),
});
export type EarlyStop = Readonly<z.infer<typeof earlyStop>>;

type StopSettings = Pick<TrainingSettings, "steps" | "evaluateEvery" | "decayFraction">;

interface BestMeasurement {
  readonly step: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/**
 * Decides after the measurement of a step. The decay takes `decayFraction` of the steps done; without enough steps left for it, the schedule
 * ends the run soon anyway.
 *
 * @param best the best measurement so far; of equal ones the first
 */
export function earlyStopAfter(
  step: number,
  best: BestMeasurement,
  settings: StopSettings,
): EarlyStop | undefined {
  const { steps, evaluateEvery, decayFraction } = settings;
  const endsAt = step + Math.ceil(decayFraction * step);
  if (endsAt >= steps) return undefined;
  const values = Object.entries(best.metrics);
  if (values.every(([name, value]) => isMetricName(name) && isPerfectValue(name, value)))
    return { reason: "perfect", decidedAt: step, endsAt };
  // A model that has learned nothing yet is not on a plateau.
  const isUntrained = values.some(([name, value]) => isMetricName(name) && isWorstValue(name, value));
  if (isUntrained || step - best.step < PATIENCE * evaluateEvery) return undefined;
  return { reason: "plateau", decidedAt: step, endsAt };
}

/** One sentence about the decision, for messages and reports. */
export function earlyStopText(
  { reason, decidedAt, endsAt }: EarlyStop,
  { steps }: Pick<StopSettings, "steps">,
): string {
  const why = {
    perfect: "the dev metrics cannot get better",
    plateau: `the dev metrics have not got better in ${PATIENCE} evaluations`,
  };
  return `early stopping: after step ${decidedAt} ${why[reason]}; the learning rate decays until step ${endsAt} instead of ${steps}`;
}
