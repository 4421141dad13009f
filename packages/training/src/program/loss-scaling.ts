/**
 * Dynamic loss scaling. float16 gradients vanish below 6e-8 and overflow above 65,504, so the loss is multiplied by a factor before the backward
 * pass. An overflow skips the step and halves the factor; many steps without an overflow double it.
 *
 * Source: Micikevicius et al. 2018 (arXiv 1710.03740), section 3.2; start value, factors and interval as in PyTorch's GradScaler.
 */
import { z } from "zod";

export const lossScaling = z.strictObject({
  /** Factor on the loss, a power of two, so that scaling rounds nothing. */
  scale: z.number().positive(),
  /** Steps since the factor changed. */
  goodSteps: z.int().nonnegative(),
  /** Number of skipped steps in the whole run. */
  skipped: z.int().nonnegative(),
});

/** Part of a run's state, so that a resumed run scales like an uninterrupted one. */
export type LossScaling = Readonly<z.infer<typeof lossScaling>>;

export const FIRST_SCALING: LossScaling = { scale: 2 ** 16, goodSteps: 0, skipped: 0 };

/** Steps without overflow after which the factor doubles. */
const GROWTH_INTERVAL = 2000;
/** A larger factor would get close to float32's own range. */
const LARGEST_SCALE = 2 ** 32;
/** If gradients overflow at this factor, scaling is not the cause. */
export const SMALLEST_SCALE = 1;

/** The factor for the next step. @param isFinite whether the step's loss and gradients were finite */
export function nextScaling(
  { scale, goodSteps, skipped }: LossScaling,
  isFinite: boolean,
  interval = GROWTH_INTERVAL,
): LossScaling {
  if (!isFinite) return { scale: scale / 2, goodSteps: 0, skipped: skipped + 1 };
  if (goodSteps + 1 < interval) return { scale, goodSteps: goodSteps + 1, skipped };
  return { scale: Math.min(2 * scale, LARGEST_SCALE), goodSteps: 0, skipped };
}
