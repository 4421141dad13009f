import { z } from "zod";

/** How to make the vocabulary. Read from the `tokenizer:` section of a recipe. */
export const tokenizerConfig = z.strictObject({
  kind: z
    .literal("symbols")
    .default("symbols")
    .describe("symbols: every source character and every whitespace-separated target token is one id."),
  sourceLowercase: z.boolean().default(true).describe("Lower-case the source before it is encoded."),
});

export type TokenizerConfig = z.infer<typeof tokenizerConfig>;
