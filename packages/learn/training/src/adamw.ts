import { math, type Tensor } from "@slm/tensor";
import type { TrainingSettings } from "./training-config.js";

/** Scalars of one step, fed from the host. */
export const ADAM_SCALARS = ["stepSize", "denominatorEpsilon", "decay"] as const;

/**
 * The step's scalars, t the step counted from 1. Bias correction is folded into them:
 * rate · (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) = stepSize · m / (sqrt(v) + denominatorEpsilon).
 */
export function adamScalars(
  step: number,
  rate: number,
  settings: Pick<TrainingSettings, "beta1" | "beta2" | "epsilon" | "weightDecay">,
): Record<(typeof ADAM_SCALARS)[number], number> {
  const rootCorrection = Math.sqrt(1 - Math.pow(settings.beta2, step));
  return {
    stepSize: (rate * rootCorrection) / (1 - Math.pow(settings.beta1, step)),
    denominatorEpsilon: settings.epsilon * rootCorrection,
    decay: 1 - rate * settings.weightDecay,
  };
}

export interface AdamState {
  readonly value: Tensor;
  readonly first: Tensor;
  readonly second: Tensor;
}

export interface AdamStepScalars {
  readonly stepSize: Tensor;
  readonly denominatorEpsilon: Tensor;
  readonly decay?: Tensor | undefined;
  /** Factor on the gradient, from clipping. */
  readonly clip: Tensor;
}

/**
 * One AdamW update of a chunk; `gradient` and its `square` have the chunk's shape, scalars come from `adamScalars`.
 * The gradient is read unclipped: the factor is folded into the scalars, which saves passes over the chunk.
 *
 * Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2.
 */
export function adamUpdate(
  { value, first, second }: AdamState,
  gradient: Tensor,
  square: Tensor,
  scalars: AdamStepScalars,
  { beta1, beta2 }: Pick<TrainingSettings, "beta1" | "beta2">,
): AdamState {
  const newFirst = math.add(math.mul(first, beta1), math.mul(gradient, math.mul(scalars.clip, 1 - beta1)));
  const squareFactor = math.mul(math.square(scalars.clip), 1 - beta2);
  const newSecond = math.add(math.mul(second, beta2), math.mul(square, squareFactor));
  const direction = math.div(newFirst, math.add(math.sqrt(newSecond), scalars.denominatorEpsilon));
  const kept = scalars.decay === undefined ? value : math.mul(value, scalars.decay);
  return { value: math.sub(kept, math.mul(direction, scalars.stepSize)), first: newFirst, second: newSecond };
}
