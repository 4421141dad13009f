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
  invent: z
    .number()
    .min(0)
    .max(1)
    .default(0.2)
    .describe(
      "Share of exchanged values, of keys that take many, that are made of random words of the training sources: " +
        "what they say can only be copied.",
    ),
});

export type AugmentConfig = z.infer<typeof augmentConfig>;
