/** Settings of vocabulary pruning. */
import { z } from "zod";

const text = z.string().max(1 << 20);

/** Text around a source. */
const context = z.strictObject({
  before: text.default("").describe("Text before the source."),
  after: text.default("").describe("Text after the source."),
});

export const pruneConfig = z.strictObject({
  vocabularySize: z
    .int()
    .positive()
    .optional()
    .describe("Most tokens; keeps the most frequent ones. Default: no limit."),
  keepFirst: z
    .int()
    .nonnegative()
    .default(0)
    .describe(
      "Keep this many of the first tokens of the vocabulary, whether they are used or not. Byte-pair vocabularies start with their most common tokens. Useful for " +
        "answers with words that the labelled rows do not contain, as in translation. Default: 0.",
    ),
  keep: z
    .array(z.union([text.min(1), context]))
    .default([])
    .describe(
      "What the teacher reads in addition to the rows: a text, whose tokens are always kept, or {before, after}, which are also put around every source before " +
        "counting. Special tokens other than BOS, EOS, padding and unknown are kept only if these texts contain them.",
    ),
});

export type PruneConfig = z.infer<typeof pruneConfig>;
