import { z } from "zod";

/** Augmentation of training rows. Read from `augment:` in the `data:` section of a recipe. */
export const augmentConfig = z.strictObject({
  copies: z
    .int()
    .positive()
    .max(100)
    .describe(
      "Slot-value augmentation: number of copies of each training row whose JSON target contains values from the source. In each copy, these values are " +
        "replaced by other values of the same key. Up to half of the new values are generated letter by letter.",
    ),
});

export type AugmentConfig = z.infer<typeof augmentConfig>;
