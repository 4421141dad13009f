import { math, type Tensor } from "@slm/tensor";
import type { OptimizerRule, UpdateContext } from "./optimizer-rule.js";
import { OPTIMIZER } from "../training-config.js";

/**
 * The step's scalars, t the step counted from 1. Bias correction is folded into them:
 * rate · (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon) = stepSize · m / (sqrt(v) + denominatorEpsilon).
 */
export function adamScalars(step: number, rate: number): Record<"stepSize" | "denominatorEpsilon", number> {
  const { beta1, beta2, epsilon } = OPTIMIZER;
  const rootCorrection = Math.sqrt(1 - Math.pow(beta2, step));
  return {
    stepSize: (rate * rootCorrection) / (1 - Math.pow(beta1, step)),
    denominatorEpsilon: epsilon * rootCorrection,
  };
}

/**
 * One AdamW update of a chunk.
 * The gradient is not clipped beforehand: the clipping factor is folded into the scalars, which saves passes over the chunk.
 *
 * Source: Loshchilov and Hutter 2019 (arXiv:1711.05101), algorithm 2.
 */
export const adamw: OptimizerRule = {
  moments: ["first", "second"],
  update: ({ state, gradient, square, scalars, kept }: UpdateContext) => {
    const { beta1, beta2 } = OPTIMIZER;
    const first = math.add(
      math.mul(state.first!, beta1),
      math.mul(gradient, math.mul(scalars.clip, 1 - beta1)),
    );
    const squareFactor = math.mul(math.square(scalars.clip), 1 - beta2);
    const second = math.add(math.mul(state.second!, beta2), math.mul(square, squareFactor));
    const direction: Tensor = math.div(first, math.add(math.sqrt(second), scalars.denominatorEpsilon));
    return { value: math.sub(kept, math.mul(direction, scalars.stepSize)), first, second };
  },
};
