/**
 * Dynamic loss scaling: gradients of float16 vanish below 6e-8 and overflow above 65,504, so the loss is multiplied by a factor before the
 * backward pass. An overflow skips the step and halves the factor; many steps without one double it.
 *
 * Source: Micikevicius et al. 2018 (arXiv 1710.03740), section 3.2; start, factors and interval are those of PyTorch's GradScaler.
 */
import { z } from "zod";

export const lossScaling = z.strictObject({
  /** Factor on the loss, a power of two, so that scaling rounds nothing. */
  scale: z.number().positive(),
  /** Steps since the factor changed. */
  goodSteps: z.int().nonnegative(),
  /** Steps that were skipped, of the whole run. */
  skipped: z.int().nonnegative(),
});

/** Belongs to the state of a run, so that a resumed run scales as an uninterrupted one. */
export type LossScaling = Readonly<z.infer<typeof lossScaling>>;

export const FIRST_SCALING: LossScaling = { scale: 2 ** 16, goodSteps: 0, skipped: 0 };

/** Steps without overflow after which the factor doubles. */
const GROWTH_INTERVAL = 2000;
/** A larger factor would bring float32's own range near. */
const LARGEST_SCALE = 2 ** 32;
/** An overflow at this factor is none of the scaling's. */
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
