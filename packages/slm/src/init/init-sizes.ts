/** Sizes of students that `slm init` offers, in a separate file so that printing help loads nothing else. */
import { MODEL_SIZES } from "@slm/model/model-sizes";

const { tiny, small, base } = MODEL_SIZES;

/** Training steps of a new recipe for each size. */
export const SIZES = {
  tiny: { ...tiny, steps: 1600 },
  small: { ...small, steps: 4000 },
  base: { ...base, steps: 10_000 },
} as const;
