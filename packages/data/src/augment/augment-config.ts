import { z } from "zod";

/** Augmentation of training rows. Read from `augment:` in the `data:` section of a recipe. */
export const augmentConfig = z.strictObject({
  copies: z
    .int()
    .positive()
    .max(100)
    .describe(
      "Slot-value augmentation: copies of each training row whose target is JSON with values copied from the source. In each copy, those values are " +
        "replaced by other values of the same key. Up to half of these are generated letter by letter.",
    ),
});

export type AugmentConfig = z.infer<typeof augmentConfig>;
