import type { TrainingSettings } from "./training-config.js";

/**
 * Learning rate of a step (counted from 1): linear warm-up to the peak, then half a cosine down to the final fraction.
 *
 * Source: Loshchilov and Hutter 2017 (arXiv:1608.03983), one cycle.
 */
export function learningRateAt(step: number, settings: TrainingSettings): number {
  const { learningRate, warmupSteps, steps, finalLearningRate } = settings;
  if (step <= warmupSteps) return (learningRate * step) / Math.max(1, warmupSteps);
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  const cosine = 0.5 * (1 + Math.cos(Math.PI * progress));
  return learningRate * (finalLearningRate + (1 - finalLearningRate) * cosine);
}
