import { z } from "zod";

/** Augmentation of training rows. Read from `augment:` in the `data:` section of a recipe. */
export const augmentConfig = z.strictObject({
  copies: z
    .int()
    .positive()
    .max(100)
    .describe(
      "Slot-value augmentation: copies of each training row whose target is JSON with values copied from the source. In each copy, those values are " +
        "replaced by other values of the same key.",
    ),
  syntheticValues: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe(
      "Share of the new values that are synthetic: generated letter by letter from the values of their key. This share applies to a key whose values are all " +
        "different; a key whose values repeat gets fewer, a closed list none.",
    ),
});

export type AugmentConfig = z.infer<typeof augmentConfig>;
