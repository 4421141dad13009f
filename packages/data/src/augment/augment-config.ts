import { z } from "zod";

/** More training rows out of those there are. Read from `augment:` in the `data:` section of a recipe. */
export const augmentConfig = z.strictObject({
  copies: z
    .int()
    .positive()
    .max(100)
    .describe(
      "Copies of each training row whose target is JSON with texts of the source as values; in each copy those values are " +
        "exchanged for others of the same key.",
    ),
  syntheticValues: z
    .number()
    .min(0)
    .max(1)
    .default(0.5)
    .describe(
      "Share of augmented slot values that are synthetic, letter by letter in the manner of their key, where every value of the " +
        "key is new in each row; a key whose values repeat gets fewer, a closed list none.",
    ),
});

export type AugmentConfig = z.infer<typeof augmentConfig>;
