/** Sizes of students that `slm init` offers, in a file of their own so that printing help loads nothing else. */
import { MODEL_SIZES } from "@slm/model/model-sizes";

const { tiny, small, base } = MODEL_SIZES;

/** Each with the steps that a new recipe trains it for. */
export const SIZES = {
  tiny: { ...tiny, steps: 1600 },
  small: { ...small, steps: 4000 },
  base: { ...base, steps: 10_000 },
} as const;
