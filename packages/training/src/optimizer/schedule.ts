import type { EarlyStop } from "./early-stop.js";
import { OPTIMIZER, type TrainingSettings } from "../training-config.js";

type Schedule = TrainingSettings["schedule"];
type ScheduleSettings = Pick<
  TrainingSettings,
  "learningRate" | "warmupSteps" | "steps" | "decayFraction" | "schedule"
>;

/** Height of a step after the warm-up, between 1 (peak) and 0 (lowest rate). */
const SHAPES: { readonly [S in Schedule]: (step: number, settings: ScheduleSettings) => number } = {
  // Half a cosine. Source: Loshchilov and Hutter 2017 (arXiv:1608.03983), one cycle.
  cosine: (step, { warmupSteps, steps }) => {
    const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
    return 0.5 * (1 + Math.cos(Math.PI * progress));
  },
  // Constant, then 1 - sqrt(progress). Source: Hägele et al. 2024 (arXiv:2405.18392), section 3.
  wsd: (step, { steps, decayFraction }) => {
    const decaySteps = Math.max(1, Math.round(steps * decayFraction));
    const progress = Math.min(1, Math.max(0, (step - (steps - decaySteps)) / decaySteps));
    return 1 - Math.sqrt(progress);
  },
};

/**
 * Learning rate of a step (counted from 1): linear warm-up to the peak, then the schedule's decay. After the decision to stop early, the rate
 * decays from its height at that step with the shape of `wsd`.
 */
export function learningRateAt(step: number, settings: ScheduleSettings, stop?: EarlyStop): number {
  const { learningRate, warmupSteps, schedule } = settings;
  const { minLearningRateRatio } = OPTIMIZER;
  if (stop !== undefined && step > stop.decidedAt) {
    const from = learningRateAt(stop.decidedAt, settings);
    const lowest = Math.min(from, learningRate * minLearningRateRatio);
    const progress = Math.min(1, (step - stop.decidedAt) / (stop.endsAt - stop.decidedAt));
    return lowest + (from - lowest) * (1 - Math.sqrt(progress));
  }
  if (step <= warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  const height = SHAPES[schedule](step, settings);
  return learningRate * (minLearningRateRatio + (1 - minLearningRateRatio) * height);
}
